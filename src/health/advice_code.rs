//! The code of advice, to paste: settings of the builder, and statements.

use std::fmt::Write as _;

use super::advice::{Advice, AdviceKind, PrewarmSize};

/// The code for all advice about settings and prewarming, to paste; empty if there is none.
///
/// ```
/// use framepool::health::{Advice, settings_code};
///
/// let advice = [Advice::thread_cache(2 << 20, 8 << 20, 500, 20)];
/// assert_eq!(
///     settings_code(&advice),
///     "let pool = framepool::BufferPool::builder()\n    .thread_cache_bytes(8_388_608)\n    .build()?;\n"
/// );
/// ```
pub fn settings_code(advice: &[Advice]) -> String {
    let of = |wanted: &'static [AdviceKind]| {
        let of = advice.iter().filter(move |it| wanted.contains(&it.kind));
        of.flat_map(|it| it.code.lines())
    };
    let mut settings = of(&[AdviceKind::FrameBlockBytes, AdviceKind::ThreadCacheBytes]).peekable();
    let statements = of(&[AdviceKind::Prewarm]).peekable();
    let mut code = String::new();
    if settings.peek().is_some() {
        code.push_str("let pool = framepool::BufferPool::builder()\n");
        for setting in settings {
            let _ = writeln!(code, "    {setting}");
        }
        code.push_str("    .build()?;\n");
    }
    for statement in statements {
        let _ = writeln!(code, "{statement}");
    }
    code
}

/// The line of the builder that makes a setting.
pub(super) fn setting(kind: AdviceKind, value: u64) -> String {
    format!(".{kind}({})", literal(value))
}

/// The statement that allocates from the frame instead, at a call site.
pub(super) fn frame_alloc(site: &str) -> String {
    // The site may come from a recording, so it must not end the comment.
    let site: String = site.chars().filter(|it| !it.is_control()).collect();
    format!("let buffer = frame.alloc::<u8>(len); // at {site}")
}

/// The statements that prewarm these blocks.
pub(super) fn prewarm(sizes: &[PrewarmSize]) -> String {
    let lines = sizes.iter().map(|size| {
        let (len, count) = (literal(size.block_bytes), literal(size.count));
        format!("pool.prewarm::<u8>({len}, {count});")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A number as a literal in code: `8_388_608`.
fn literal(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
