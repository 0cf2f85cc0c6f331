//! Alerts and marks as the profiler's markers.

use framepool::store::SavedAlert;
use fxprof_processed_profile::{
    CategoryHandle, MarkerFieldFlags, MarkerFieldFormat, Profile, StaticSchemaMarker,
    StaticSchemaMarkerField, StringHandle,
};

const fn text(key: &'static str, label: &'static str) -> StaticSchemaMarkerField {
    StaticSchemaMarkerField {
        key,
        label,
        format: MarkerFieldFormat::String,
        flags: MarkerFieldFlags::SEARCHABLE,
    }
}

/// An alert, from when it was raised to when it was resolved.
#[derive(Debug)]
pub(crate) struct AlertMarker {
    category: CategoryHandle,
    name: StringHandle,
    /// In the order of the fields.
    texts: [StringHandle; 4],
}

impl AlertMarker {
    pub(crate) fn new(profile: &mut Profile, category: CategoryHandle, alert: &SavedAlert) -> Self {
        let severity = alert.severity.to_string();
        let site = alert.site.as_deref().unwrap_or_default();
        let texts = [&alert.sentence, &severity, site, &alert.next_step];
        Self {
            category,
            name: profile.intern_string(&format!("alert: {}", alert.rule.name())),
            texts: texts.map(|text| profile.intern_string(text)),
        }
    }
}

impl StaticSchemaMarker for AlertMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "framepool alert";
    const DESCRIPTION: Option<&'static str> =
        Some("An alert, from when it was raised to when it was resolved.");
    const CHART_LABEL: Option<&'static str> = Some("{marker.data.sentence}");
    const TABLE_LABEL: Option<&'static str> = Some("{marker.data.sentence}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[
        text("sentence", "Alert"),
        text("severity", "Severity"),
        text("site", "Call site"),
        text("next_step", "Next step"),
    ];

    fn name(&self, _: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _: &mut Profile) -> CategoryHandle {
        self.category
    }

    fn string_field_value(&self, field: u32) -> StringHandle {
        self.texts[field as usize]
    }

    fn number_field_value(&self, _: u32) -> f64 {
        unreachable!("no field is a number")
    }
}

/// A mark that the program set, or a stretch of time.
#[derive(Debug)]
pub(crate) struct Mark {
    category: CategoryHandle,
    name: StringHandle,
    text: StringHandle,
}

impl Mark {
    pub(crate) fn new(
        profile: &mut Profile,
        category: CategoryHandle,
        name: &str,
        text: &str,
    ) -> Self {
        Self {
            category,
            name: profile.intern_string(name),
            text: profile.intern_string(text),
        }
    }
}

impl StaticSchemaMarker for Mark {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "framepool mark";
    const DESCRIPTION: Option<&'static str> =
        Some("A mark that the program set, or a stretch of time.");
    const CHART_LABEL: Option<&'static str> = Some("{marker.data.text}");
    const TABLE_LABEL: Option<&'static str> = Some("{marker.data.text}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[text("text", "Mark")];

    fn name(&self, _: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _: &mut Profile) -> CategoryHandle {
        self.category
    }

    fn string_field_value(&self, _: u32) -> StringHandle {
        self.text
    }

    fn number_field_value(&self, _: u32) -> f64 {
        unreachable!("no field is a number")
    }
}
