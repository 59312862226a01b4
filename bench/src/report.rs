//! The dated file of one measure.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use crate::clock;
use crate::machine::Machine;
use crate::pair::BAND_MAX;
use crate::pair::Comparison;
use crate::pair::Plan;

/// Everything one measure leaves behind.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `M2`, ….
    pub measure: &'static str,
    /// What stands above the line and what below it.
    pub says: &'static str,
    /// Whether a smaller ratio is the better one.
    pub lower_is_better: bool,
    /// The number the design asks for.
    pub wanted: f64,
    /// How the two arms were set up.
    pub settings: serde_json::Value,
    /// The plan.
    pub plan: Plan,
    /// The same program in both arms.
    pub same: Option<Comparison>,
    /// The two arms.
    pub pair: Comparison,
    /// Further ratios of the same run, by name.
    pub others: Vec<(String, Comparison)>,
}

impl Report {
    /// `None` when the run may be believed, else why not.
    #[must_use]
    pub fn rejected(&self) -> Option<String> {
        let band = self.same.as_ref().and_then(|same| same.ratio).map(|ratio| ratio.band());
        if self.pair.is_disturbed() {
            Some(format!("{} of {} slices went", self.pair.dropped, self.pair.slices.len()))
        } else if self.same.as_ref().is_some_and(Comparison::is_disturbed) {
            Some("the comparison of the program with itself was disturbed".to_owned())
        } else {
            let wide = band.filter(|band| *band > BAND_MAX)?;
            Some(format!("the program differs from itself by up to {:.1} %", wide * 100.0))
        }
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let Some(ratio) = self.pair.ratio else {
            let all = self.pair.ratio_of_all.map_or(f64::NAN, |ratio| ratio.ratio);
            return format!(
                "{}: {} = {all:.3} over disturbed slices only — REJECTED",
                self.measure, self.says
            );
        };
        let is_reached = if self.lower_is_better {
            ratio.ratio <= self.wanted
        } else {
            ratio.ratio >= self.wanted
        };
        let band = self.same.as_ref().and_then(|same| same.ratio);
        let band = band.map_or_else(String::new, |same| {
            format!(", against itself {:.3} [{:.3}, {:.3}]", same.ratio, same.low, same.high)
        });
        let verdict = self.rejected().map_or_else(String::new, |why| format!(" — REJECTED: {why}"));
        format!(
            "{}: {} = {:.3} [{:.3}, {:.3}] over {} pairs{band}; wanted {} {}: {}{verdict}",
            self.measure,
            self.says,
            ratio.ratio,
            ratio.low,
            ratio.high,
            self.pair.pairs,
            if self.lower_is_better { "at most" } else { "at least" },
            self.wanted,
            if is_reached { "reached" } else { "missed" }
        )
    }

    /// Writes the file into `folder`: its path. Rejected runs are kept too, and say so.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn keep(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let at = clock::timestamp();
        let name = format!("{}-{}.json", at.replace(':', ""), self.measure.to_lowercase());
        let path = folder.join(name);
        let document = serde_json::json!({
            "at": at,
            "line": self.line(),
            "rejected": self.rejected(),
            "machine": Machine::here(),
            "command": std::env::args().collect::<Vec<_>>().join(" "),
            "report": self,
        });
        let mut file = fs::File::create(&path)?;
        serde_json::to_writer_pretty(&mut file, &document)?;
        file.write_all(b"\n")?;
        Ok(path)
    }
}
