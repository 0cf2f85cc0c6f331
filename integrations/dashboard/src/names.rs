//! Replaces the names of lines of code in everything that is served.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Returns a replacement for a text, if any.
type Name = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The replacement of texts.
#[derive(Clone, Default)]
pub(crate) struct Names(pub(crate) Option<Arc<Name>>);

impl Names {
    /// The document with its texts replaced.
    pub(crate) fn put(&self, document: Vec<u8>) -> Vec<u8> {
        let Some(name) = &self.0 else {
            return document;
        };
        let Ok(mut value) = serde_json::from_slice(&document) else {
            return document;
        };
        put_into(&mut value, &**name);
        serde_json::to_vec(&value).unwrap_or(document)
    }
}

fn put_into(value: &mut Value, name: &Name) {
    match value {
        Value::String(text) => {
            if let Some(other) = name(text) {
                *text = other;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| put_into(value, name)),
        Value::Object(fields) => fields.values_mut().for_each(|value| put_into(value, name)),
        _ => {}
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Names").field(&self.0.is_some()).finish()
    }
}
