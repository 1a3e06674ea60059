//! The measured figures, with their targets and limits, as a table and as JSON.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::machine::Machine;

/// Target of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    AtLeast(f64),
    Below(f64),
    Exactly(f64),
    /// No target: the figure is only compared with others.
    None,
}

/// The physical limit of the same work, measured in the same run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// In the unit of the figure.
    pub value: f64,
    /// Description of the limit.
    pub what: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Stable name, used in the JSON output.
    pub key: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub target: Target,
    pub limit: Option<Limit>,
    /// Details for people.
    pub note: String,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Figures(Vec<Figure>);

#[derive(Serialize)]
struct Written {
    value: f64,
    unit: &'static str,
    limit: Option<f64>,
    ratio: Option<f64>,
}

impl Figure {
    /// A figure without target and limit.
    pub fn new(key: &'static str, value: f64, unit: &'static str) -> Figure {
        Figure { key, value, unit, target: Target::None, limit: None, note: String::new() }
    }

    pub fn target(self, target: Target) -> Figure {
        Figure { target, ..self }
    }

    /// Sets the limit, if it was measured.
    pub fn limit(self, value: Option<f64>, what: &'static str) -> Figure {
        Figure { limit: value.map(|value| Limit { value, what }), ..self }
    }

    pub fn note(self, note: impl Into<String>) -> Figure {
        Figure { note: note.into(), ..self }
    }

    /// Whether the figure meets its target.
    pub fn is_met(&self) -> bool {
        match self.target {
            Target::AtLeast(least) => self.value >= least,
            Target::Below(bound) => self.value < bound,
            Target::Exactly(number) => self.value == number,
            Target::None => true,
        }
    }

    fn ratio(&self) -> Option<f64> {
        self.limit.filter(|limit| limit.value > 0.0).map(|limit| self.value / limit.value)
    }
}

impl Figures {
    /// Adds and prints a figure.
    pub fn add(&mut self, figure: Figure) {
        println!("{}", line(&figure));
        self.0.push(figure);
    }

    /// Value of the figure with this key, if it was measured.
    pub fn value(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.key == key).map(|figure| figure.value)
    }

    /// Adds the ratio of two figures, if both were measured.
    pub fn add_ratio(&mut self, key: &'static str, (of, to): (&str, &str), target: Target) {
        if let (Some(value), Some(limit)) = (self.value(of), self.value(to)) {
            self.add(Figure::new(key, value / limit, "ratio").target(target).note(format!("{of} to {to}")));
        }
    }

    /// Whether every figure meets its target.
    pub fn all_met(&self) -> bool {
        self.0.iter().all(Figure::is_met)
    }

    /// The figures as a table.
    pub fn table(&self, machine: &Machine) -> String {
        let head = format!(
            "{:<28} {:>12} {:<9} {:>10}  {:<4} {:>12} {:>6}  {}",
            "figure", "value", "unit", "target", "met", "limit", "ratio", "limit is"
        );
        let lines: Vec<String> = self.0.iter().map(line).collect();
        format!("{machine}\n\n{head}\n{}", lines.join("\n"))
    }

    /// Writes the figures as JSON.
    pub fn write_json(&self, file: &Path, machine: &Machine) -> anyhow::Result<()> {
        let mut figures = Map::new();
        for figure in &self.0 {
            let limit = figure.limit.map(|limit| limit.value);
            let written = Written { value: figure.value, unit: figure.unit, limit, ratio: figure.ratio() };
            figures.insert(figure.key.to_owned(), serde_json::to_value(written)?);
        }
        let document = json!({
            "machine": machine.hardware(),
            "commit": machine.commit,
            "versions": machine.versions,
            "figures": Value::Object(figures),
        });
        let text = serde_json::to_string_pretty(&document)? + "\n";
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }
}

fn line(figure: &Figure) -> String {
    let target = match figure.target {
        Target::AtLeast(least) => format!(">= {least}"),
        Target::Below(bound) => format!("< {bound}"),
        Target::Exactly(number) => format!("= {number}"),
        Target::None => String::new(),
    };
    let met = match (figure.target, figure.is_met()) {
        (Target::None, _) => "",
        (_, true) => "yes",
        (_, false) => "NO",
    };
    let limit = figure.limit.map(|limit| rounded(limit.value)).unwrap_or_default();
    let ratio = figure.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let what = figure.limit.map(|limit| limit.what).unwrap_or_default();
    let remarks = [what, &figure.note].into_iter().filter(|remark| !remark.is_empty()).collect::<Vec<_>>().join("; ");
    let (key, value, unit) = (figure.key, rounded(figure.value), figure.unit);
    format!("{key:<28} {value:>12} {unit:<9} {target:>10}  {met:<4} {limit:>12} {ratio:>6}  {remarks}")
        .trim_end()
        .to_owned()
}

fn rounded(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_compared_with_its_target() {
        let figure = |value, target| Figure::new("x", value, "1/s").target(target);
        assert!(figure(5.0, Target::AtLeast(5.0)).is_met() && !figure(4.9, Target::AtLeast(5.0)).is_met());
        assert!(figure(4.9, Target::Below(5.0)).is_met() && !figure(5.0, Target::Below(5.0)).is_met());
        assert!(figure(50.0, Target::Exactly(50.0)).is_met() && !figure(51.0, Target::Exactly(50.0)).is_met());
    }

    #[test]
    fn the_json_has_value_unit_limit_and_ratio() {
        let mut figures = Figures::default();
        figures.add(Figure::new("a_per_s", 50.0, "1/s").limit(Some(200.0), "bare"));
        figures.add(Figure::new("b_ms", 1.5, "ms"));
        let file = tempfile::NamedTempFile::new().unwrap();
        figures.write_json(file.path(), &Machine::default()).unwrap();
        let written: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        assert_eq!(
            written["figures"]["a_per_s"],
            json!({ "value": 50.0, "unit": "1/s", "limit": 200.0, "ratio": 0.25 })
        );
        assert_eq!(written["figures"]["b_ms"], json!({ "value": 1.5, "unit": "ms", "limit": null, "ratio": null }));
    }
}
