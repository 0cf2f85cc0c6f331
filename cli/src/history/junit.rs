//! Writes gates as test cases in the `JUnit` format, which test services show.

use super::gate::Gate;

pub(super) fn document(gates: &[Gate]) -> String {
    let failed = gates.iter().filter(|gate| gate.failure.is_some()).count();
    let skipped = gates.iter().filter(|gate| gate.skipped.is_some()).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         <testsuite name=\"framepool\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">\n",
        gates.len()
    );
    for gate in gates {
        let (name, class) = (escaped(gate.option), escaped(&gate.pool));
        let case = format!("<testcase name=\"{name}\" classname=\"framepool.{class}\"");
        text += &case;
        if let Some(failure) = &gate.failure {
            text += "><failure message=\"";
            text += &escaped(failure);
            text += "\"/></testcase>\n";
        } else if let Some(why) = &gate.skipped {
            text += "><skipped message=\"";
            text += &escaped(why);
            text += "\"/></testcase>\n";
        } else {
            text += "/>\n";
        }
    }
    text + "</testsuite>\n</testsuites>\n"
}

/// Text within an attribute. Characters that no XML document may have are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stays_one_attribute() {
        let gate = Gate {
            option: "--max-peak",
            pool: "a<b>&\"c\"\u{1}".to_owned(),
            failure: Some("5 > 4\nat \"x\"".to_owned()),
            skipped: None,
        };
        let skipped = Gate {
            option: "--max-misses",
            pool: String::new(),
            failure: None,
            skipped: Some("not judged".to_owned()),
        };
        let text = document(&[gate, skipped]);
        assert!(text.contains("<skipped message=\"not judged\"/></testcase>"));
        assert!(text.contains("classname=\"framepool.a&lt;b&gt;&amp;&quot;c&quot;\""));
        assert!(text.contains("message=\"5 &gt; 4 at &quot;x&quot;\""));
        assert!(text.contains("tests=\"2\" failures=\"1\""));
    }
}
