//! The rules' and diagnoses' words as the wire has them: kinds, phases, severities, measures.

use yiwang_inference::{quality, rules};
use yiwang_wire::event::{KindDescriptor, Measure, Severity};

/// What the hub is told of the rules' kinds and of the faults of pictures.
pub fn descriptors() -> Vec<KindDescriptor> {
    rules::descriptors()
        .into_iter()
        .chain(quality::DIAGNOSES.iter().map(|diagnosis| diagnosis.descriptor))
        .map(|d| KindDescriptor {
            kind: d.kind.into(),
            label_zh: d.label_zh.into(),
            label_en: d.label_en.into(),
            severity: severity(d.severity),
            merge_family: d.merge_family.into(),
            momentary: d.momentary,
        })
        .collect()
}

/// Whether a begin of this kind is the whole event.
pub(super) fn is_momentary(kind: &str) -> bool {
    rules::RULES.iter().any(|rule| rule.descriptor.kind == kind && rule.descriptor.momentary)
}

pub(super) fn phase(phase: rules::Phase) -> yiwang_wire::event::Phase {
    match phase {
        rules::Phase::Begin => yiwang_wire::event::Phase::Begin,
        rules::Phase::Update => yiwang_wire::event::Phase::Update,
        rules::Phase::End => yiwang_wire::event::Phase::End,
    }
}

pub(super) fn severity(severity: rules::Severity) -> Severity {
    match severity {
        rules::Severity::Low => Severity::Low,
        rules::Severity::Medium => Severity::Medium,
        rules::Severity::High => Severity::High,
        rules::Severity::Urgent => Severity::Urgent,
    }
}

pub(super) fn measure(measure: rules::Measure) -> Measure {
    Measure { name: measure.name.into(), value: measure.value, threshold: measure.threshold, unit: measure.unit.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_duration_is_over_as_it_begins() {
        let momentary: Vec<_> = descriptors().into_iter().map(|d| d.kind).filter(|kind| is_momentary(kind)).collect();
        assert_eq!(momentary, ["line_cross", "removed_object", "count"]);
    }
}
