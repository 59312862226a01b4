//! The rail `file`: a bank file out, a result file in. People carry both.
//!
//! The file of a run is made from its frozen payouts alone, so it is the same whenever it is asked
//! for. A result names the payout, what became of it, and what the bank says it paid.

use std::fmt::Write as _;

use model::clock::Timestamp;
use model::id::PayoutId;
use model::money::Money;
use store::payouts::PayoutRow;

use super::rail::Built;
use super::rail::Capabilities;
use super::rail::Rail;
use super::rail::Request;
use super::rail::Response;
use super::rail::Told;
use super::rail::Wanted;

/// Name of the rail.
pub const NAME: &str = "file";
/// First line of a bank file.
const HEAD: &str = "payout_id,payee,destination,amount,currency";
/// Rows of one result file at most.
const RESULTS_MAX: usize = 50_000;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct FileRail;

impl Rail for FileRail {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { idempotent_create: false, sends: false, has_status: false }
    }

    fn build(&self, wanted: &Wanted<'_>) -> Result<Built, String> {
        let Wanted { payout, amount, destination, payee } = wanted;
        let cells = [
            payout.to_string(),
            (*payee).to_owned(),
            (*destination).to_owned(),
            amount.amount(),
            amount.currency.code().to_owned(),
        ];
        let body = cells.map(|cell| quoted(&cell)).join(",");
        Ok(Built { request_id: payout.to_string(), body })
    }

    fn create(&self, _payout: &PayoutRow, _now: Timestamp) -> Option<Request> {
        None
    }

    fn status(&self, _payout: &PayoutRow, _now: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, _payout: &PayoutRow, _response: &Response) -> Told {
        Told::Unknown("a bank file has no answers of its own".to_owned())
    }
}

/// A cell as RFC 4180 writes it. What a spreadsheet would take for a formula gets a quote in front.
pub(crate) fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// The bank file of these payouts.
#[must_use]
pub fn bank_file(rows: &[PayoutRow]) -> String {
    let mut text = format!("{HEAD}\r\n");
    for row in rows.iter().filter(|row| row.rail == NAME) {
        // Writing into a String cannot fail.
        let _ = write!(text, "{}\r\n", row.request);
    }
    text
}

/// One line of a result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLine {
    /// Line of the file, 1 for the first behind the head.
    pub line: usize,
    /// Which payout.
    pub payout: PayoutId,
    /// `paid`, `declined`, `accepted`, `unknown` or `returned`.
    pub status: String,
    /// The bank's own name of the payment; needed for `paid`.
    pub reference: Option<String>,
    /// Decimal text of what the bank says it paid.
    pub amount: Option<String>,
    /// The bank's words.
    pub detail: Option<String>,
}

/// Why a result file was not taken. Nothing of it counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct ResultError {
    /// 0 for the head.
    pub line: usize,
    /// For people.
    pub detail: String,
}

/// Reads a result file: `payout_id,status` and, in any order, `reference`, `amount`, `detail`.
///
/// # Errors
/// [`ResultError`] names the first bad line.
pub fn read_results(text: &str) -> Result<Vec<ResultLine>, ResultError> {
    let bad = |line: usize, detail: &str| ResultError { line, detail: detail.to_owned() };
    let rows = rows_of(text).ok_or_else(|| bad(0, "a quote is not closed"))?;
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    let place = |name: &str| head.iter().position(|cell| cell.trim() == name);
    let (Some(payout_at), Some(status_at)) = (place("payout_id"), place("status")) else {
        return Err(bad(0, "columns payout_id and status are needed"));
    };
    let known = ["payout_id", "status", "reference", "amount", "detail"];
    if let Some(odd) = head.iter().find(|cell| !known.contains(&cell.trim())) {
        return Err(bad(0, &format!("column {odd} is not known")));
    }
    let (reference_at, amount_at) = (place("reference"), place("amount"));
    let mut lines = Vec::new();
    for (line, row) in (1..).zip(rows) {
        if line > RESULTS_MAX {
            return Err(bad(line, "too many lines"));
        }
        if row.len() != head.len() {
            return Err(bad(line, "has another number of cells than the head"));
        }
        let cell = |at: Option<usize>| {
            let text = at.and_then(|at| row.get(at)).map(|cell| cell.trim());
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let payout = cell(Some(payout_at)).and_then(|text| text.parse().ok());
        lines.push(ResultLine {
            line,
            payout: payout.ok_or_else(|| bad(line, "payout_id is not one"))?,
            status: cell(Some(status_at)).ok_or_else(|| bad(line, "status is missing"))?,
            reference: cell(reference_at),
            amount: cell(amount_at),
            detail: cell(place("detail")),
        });
    }
    Ok(lines)
}

/// What a line says of its payout.
///
/// # Errors
/// What is wrong with it, for people.
pub fn told_by(line: &ResultLine, row: &PayoutRow) -> Result<Told, String> {
    let detail = line.detail.clone().unwrap_or_default();
    match line.status.as_str() {
        "paid" => {
            let reference = line.reference.clone().ok_or("a payment needs its reference")?;
            let amount = line.amount.as_deref().map(|text| Money::parse(text, row.currency));
            let amount = amount.transpose().map_err(|error| format!("amount: {error}"))?;
            Ok(Told::Paid { reference, amount })
        }
        "declined" => Ok(Told::Declined(detail)),
        "accepted" => Ok(Told::Accepted),
        "unknown" => Ok(Told::Unknown(detail)),
        "returned" => Ok(Told::Returned(detail)),
        other => Err(format!("status {other} is not known")),
    }
}

/// Rows and cells of RFC 4180 text; empty lines are left out. `None`: a quote is not closed.
fn rows_of(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
    }
    if is_quoted {
        return None;
    }
    row.push(cell);
    rows.push(row);
    rows.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    Some(rows)
}

#[cfg(test)]
mod tests {
    use model::money::Currency;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn id(seed: u64) -> PayoutId {
        PayoutId::new(Timestamp(0), &mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn a_cell_never_becomes_a_formula_or_a_second_cell() {
        let amount = Money::new(70_000, Currency::KZT);
        let payout = id(1);
        let wanted = Wanted { payout, amount, destination: "=1+1", payee: "A, \"B\"" };
        let built = FileRail.build(&wanted).expect("a line");
        assert_eq!(built.body, format!("{payout},\"A, \"\"B\"\"\",'=1+1,700.00,KZT"));
        assert_eq!(rows_of(&built.body).expect("a row")[0][1], "A, \"B\"");
    }

    #[test]
    fn results_are_read_by_the_names_of_their_columns() {
        let (one, other) = (id(1), id(2));
        let text =
            format!("status,payout_id,reference\r\npaid,{one},\"R,1\"\n\ndeclined,{other},\n");
        let lines = read_results(&text).expect("results");
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].payout, lines[0].reference.as_deref()), (one, Some("R,1")));
        assert_eq!((lines[1].line, lines[1].reference.as_deref()), (2, None));
    }

    #[test]
    fn a_bad_result_file_is_refused_whole_with_its_line() {
        let good = id(1);
        for (text, line) in [
            (String::new(), 0),
            ("payout_id,state\n".to_owned(), 0),
            ("payout_id,status,colour\n".to_owned(), 0),
            (format!("payout_id,status\n{good},paid\nnobody,paid\n"), 2),
            (format!("payout_id,status\n{good}\n"), 1),
            ("payout_id,status\n\"open".to_owned(), 0),
        ] {
            assert_eq!(read_results(&text).expect_err(&text).line, line, "{text}");
        }
    }
}
