//! The secret that a reader must know when the server listens beyond this machine.

use std::fmt;

/// The least number of characters of a token.
const SHORTEST: usize = 16;

/// A secret that readers present. `Debug` does not show it.
///
/// ```
/// use framepool_dashboard::{Dashboard, Token};
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
///
/// let token = Token::random()?;
/// let server = Dashboard::new(&watch).token(token.clone()).serve("127.0.0.1:0")?;
/// assert!(server.url().ends_with(token.reveal()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Token(String);

/// Why a text cannot be a token.
///
/// ```
/// use framepool_dashboard::{Token, TokenError};
///
/// let advice = match Token::new("secret") {
///     Ok(_) => "usable",
///     Err(TokenError::TooShort) => "use at least 16 characters",
///     Err(_) => "use letters and digits",
/// };
/// assert_eq!(advice, "use at least 16 characters");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenError {
    /// It has fewer than 16 characters.
    TooShort,
    /// It has other characters than ASCII letters, digits, `-`, `_` and `.`.
    Unusable,
    /// The system gave no random numbers.
    NoRandomness,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "a token has at least {SHORTEST} characters"),
            Self::Unusable => f.write_str("a token has ASCII letters, digits, `-`, `_` and `.`"),
            Self::NoRandomness => f.write_str("the system gave no random numbers for a token"),
        }
    }
}

impl std::error::Error for TokenError {}

impl Token {
    /// Makes a token from a text that the program chose.
    ///
    /// # Errors
    ///
    /// If it has fewer than 16 characters, or other characters than ASCII letters, digits, `-`, `_` and `.`.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = text.into();
        let usable = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if !text.bytes().all(usable) {
            Err(TokenError::Unusable)
        } else if text.len() < SHORTEST {
            Err(TokenError::TooShort)
        } else {
            Ok(Self(text))
        }
    }

    /// Makes a token of 128 random bits, as 32 hex digits.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, TokenError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|_| TokenError::NoRandomness)?;
        Ok(Self(format!("{:032x}", u128::from_le_bytes(bits))))
    }

    /// The text of the token, to give to authorised readers.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub(crate) fn is(&self, presented: &str) -> bool {
        let (own, presented) = (self.0.as_bytes(), presented.as_bytes());
        let pairs = own.iter().zip(presented);
        own.len() == presented.len() && pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_accepted() {
        let token = Token::new("0123456789abcdef").expect("a token");
        assert!(token.is("0123456789abcdef"));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdeg",
            "0123456789abcdef0",
        ] {
            assert!(!token.is(other), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn weak_tokens_are_refused_and_random_ones_differ() {
        assert!(matches!(Token::new("short"), Err(TokenError::TooShort)));
        let spaced = Token::new("0123456789 abcdef\r\n");
        assert!(matches!(spaced, Err(TokenError::Unusable)));
        let [one, two] = [(); 2].map(|()| Token::random().expect("random numbers"));
        assert!(one.reveal() != two.reveal() && Token::new(one.reveal()).is_ok());
    }
}
