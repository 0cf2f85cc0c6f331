//! Parses one line of a trace into numbers and names.

use super::fault::{Fault, quoted};

/// A line's content; ids and threads are as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) time_us: u64,
    pub(crate) op: Op<'a>,
}

/// The operation of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op<'a> {
    Alloc {
        thread: u64,
        id: u64,
        bytes: usize,
        site: &'a str,
    },
    Free {
        thread: u64,
        id: u64,
    },
    Frame,
}

impl<'a> Line<'a> {
    /// Parses one line. The site is the last field, so it may contain commas.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut fields = text.splitn(6, ',');
        let time_us = number("time_us", fields.next())?;
        let thread = fields.next();
        let op = fields.next().ok_or(Fault::Missing("op"))?;
        let op = match op {
            "alloc" => {
                let thread = number("thread", thread)?;
                let id = number("id", fields.next())?;
                let bytes = size(fields.next())?;
                let site = fields.next().ok_or(Fault::Missing("site"))?;
                Op::Alloc {
                    thread,
                    id,
                    bytes,
                    site,
                }
            }
            "free" => {
                let thread = number("thread", thread)?;
                let id = number("id", fields.next())?;
                // Recorders of sized frees repeat the size. It is not used, but must be valid.
                if let Some(repeated) = fields.next().filter(|field| !field.is_empty()) {
                    size(Some(repeated))?;
                }
                Op::Free { thread, id }
            }
            "frame" => {
                // A frame end belongs to the whole program, so the thread may be left out.
                if thread.is_some_and(|field| !field.is_empty()) {
                    number("thread", thread)?;
                }
                Op::Frame
            }
            "" => return Err(Fault::Missing("op")),
            other => return Err(Fault::UnknownOp(quoted(other))),
        };
        Ok(Self { time_us, op })
    }
}

/// A field of digits. `u64::from_str` alone would let a sign pass.
fn number(name: &'static str, field: Option<&str>) -> Result<u64, Fault> {
    let field = field
        .filter(|field| !field.is_empty())
        .ok_or(Fault::Missing(name))?;
    if !field.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::NotANumber(name, quoted(field)));
    }
    // Only digits, so it can only fail by being too large.
    field
        .parse()
        .map_err(|_| Fault::TooLarge(name, quoted(field)))
}

/// A valid size of a buffer in bytes.
fn size(field: Option<&str>) -> Result<usize, Fault> {
    match number("size", field) {
        Ok(bytes) if isize::try_from(bytes).is_ok() => Ok(bytes as usize),
        Ok(bytes) => Err(Fault::Unaddressable(bytes.to_string())),
        Err(Fault::TooLarge(_, found)) => Err(Fault::Unaddressable(found)),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        Line::parse(text).expect_err(text)
    }

    #[test]
    fn a_site_may_hold_commas() {
        let line = Line::parse("7,1,alloc,3,256,std::map<int, int>::insert").expect("a good line");
        assert_eq!(
            line.op,
            Op::Alloc {
                thread: 1,
                id: 3,
                bytes: 256,
                site: "std::map<int, int>::insert"
            }
        );
    }

    #[test]
    fn a_free_needs_no_fields_after_its_id() {
        let free = Op::Free { thread: 1, id: 3 };
        for text in [
            "7,1,free,3",
            "7,1,free,3,,",
            "7,1,free,3,256,",
            "7,1,free,3,256,x,y",
        ] {
            assert_eq!(Line::parse(text).expect(text).op, free, "{text}");
        }
    }

    #[test]
    fn a_frame_needs_no_fields_after_its_op() {
        for text in ["7,0,frame", "7,0,frame,,,", "7,,frame", "7,0,frame,1,,"] {
            let line = Line::parse(text).expect(text);
            assert_eq!((line.time_us, line.op), (7, Op::Frame), "{text}");
        }
    }

    #[test]
    fn ids_and_threads_are_any_64_bit_number() {
        let most = u64::MAX;
        let line = Line::parse(&format!("{most},{most},alloc,{most},0,"))
            .map(|line| (line.time_us, format!("{:?}", line.op)));
        assert!(line.is_ok_and(|(time, op)| time == most && op.contains("bytes: 0")));
    }

    #[test]
    fn every_fault_names_its_field() {
        assert_eq!(fault("1"), Fault::Missing("op"));
        assert_eq!(fault("1,0,,3,4,s"), Fault::Missing("op"));
        assert_eq!(fault(",0,alloc,3,4,s"), Fault::Missing("time_us"));
        assert_eq!(fault("1,,alloc,3,4,s"), Fault::Missing("thread"));
        assert_eq!(fault("1,0,alloc"), Fault::Missing("id"));
        assert_eq!(fault("1,0,alloc,3"), Fault::Missing("size"));
        assert_eq!(fault("1,0,alloc,3,,s"), Fault::Missing("size"));
        assert_eq!(fault("1,0,alloc,3,4"), Fault::Missing("site"));
        assert_eq!(fault("1,0,free"), Fault::Missing("id"));
        assert_eq!(fault("1,0,grow,3,4,s"), Fault::UnknownOp("\"grow\"".into()));
        for text in ["+1", "-1", " 1", "1.5", "0x10", "١"] {
            assert_eq!(
                fault(&format!("{text},0,free,3")),
                Fault::NotANumber("time_us", format!("{text:?}"))
            );
        }
        let beyond = "18446744073709551616";
        assert_eq!(
            fault(&format!("1,0,free,{beyond}")),
            Fault::TooLarge("id", format!("{beyond:?}"))
        );
        assert_eq!(
            fault("1,0,alloc,3,9223372036854775808,s"),
            Fault::Unaddressable("9223372036854775808".into())
        );
        assert!(matches!(
            fault(&format!("1,0,alloc,3,{beyond},s")),
            Fault::Unaddressable(_)
        ));
    }
}
