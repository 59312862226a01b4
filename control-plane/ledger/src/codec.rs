//! The stored form of a command: lines of `key value` in a fixed order, one command one text.
//!
//! Version 1, by action (`*` = any number of times, `?` = may be absent):
//!
//! ```text
//! v1 accrue            head, parties, basis
//! v1 release           head, position, taxes estimate | taxes recomputed and settled*
//! v1 reverse           head, position
//! v1 partial_reverse   head, position, basis
//! v1 claw_back         head, position, tax held | remitted, basis?
//! v1 advance           head, position, advance MINOR, advance.fee MINOR
//! v1 move              head, kind WORD, (reverses ID)?, (leg ACCOUNT CREDIT)*
//!
//! head       transaction ID · conversion ID | subject ID · at MICROSECONDS · author TEXT ·
//!            (fact NAME TEXT)*
//! parties    debtor ID · publisher ID · (shopper ID)?
//! position   parties · stage WORD · origin ID · posted.charge MINOR CURRENCY · posted.fee MINOR ·
//!            posted.shopper MINOR · (posted.tax COMPONENT WITHHELD SHORTFALL)* ·
//!            posted.net MINOR · (posted.advanced MINOR)?
//! basis      charge MINOR CURRENCY · fee BP · share BP · (tax COMPONENT BP BASE)*
//! settled    settled.tax COMPONENT WITHHELD SHORTFALL
//! ```
//!
//! In TEXT a backslash, a line feed and a carriage return are escaped with a backslash. A released
//! version is never changed; a new one stands beside it.

use std::fmt::{Display, Write};
use std::str::{FromStr, Lines};

use model::clock::Timestamp;
use model::id::{AdvertiserId, IntegrationId};
use model::money::{BasisPoints, Currency, Money};

use crate::account::{Account, Debtor, Owner};
use crate::command::{Action, Command, Evidence, Parties, Position, Stage, TaxState};
use crate::moves::{Leg, Move, MoveKind};
use crate::split::{Basis, Split, TaxBase, TaxPart, TaxRate};
use crate::subject::Subject;
use crate::word::Word;

/// The text is not a stored command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("version or action is not known")]
    UnknownForm,
    #[error("line {0} is missing")]
    Missing(&'static str),
    #[error("line {0} cannot be read")]
    BadValue(&'static str),
    #[error("something stands where nothing may, or in another form than it is written")]
    NotCanonical,
}

impl Command {
    /// The text that is stored for ever. Ends with a line feed.
    pub fn encode(&self) -> String {
        let word = match &self.action {
            Action::Move(_) => "move",
            action => action.as_str(),
        };
        let mut lines = Writer(format!("v1 {word}\n"));
        lines.put("transaction", self.transaction);
        let key = if self.subject.conversion().is_some() { "conversion" } else { "subject" };
        lines.put(key, self.subject);
        lines.put("at", self.evidence.at.0);
        lines.put("author", escaped(&self.evidence.author));
        for (name, value) in &self.evidence.facts {
            lines.put("fact", format_args!("{name} {}", escaped(value)));
        }
        match &self.action {
            Action::Accrue { parties, basis } => {
                lines.put_parties(parties);
                lines.put_basis(basis);
            }
            Action::Release { position, taxes } => {
                lines.put_position(position);
                let word = if taxes.is_some() { "recomputed" } else { "estimate" };
                lines.put("taxes", word);
                lines.put_taxes("settled.tax", taxes.as_deref().unwrap_or_default());
            }
            Action::Reverse { position } => lines.put_position(position),
            Action::PartialReverse { position, remaining } => {
                lines.put_position(position);
                lines.put_basis(remaining);
            }
            Action::ClawBack { position, remaining, tax } => {
                lines.put_position(position);
                lines.put("tax", tax);
                if let Some(remaining) = remaining {
                    lines.put_basis(remaining);
                }
            }
            Action::Advance { position, amount, fee } => {
                lines.put_position(position);
                lines.put("advance", amount.minor);
                lines.put("advance.fee", fee.minor);
            }
            Action::Move(Move { kind, reverses, legs }) => {
                lines.put("kind", kind);
                if let Some(reverses) = reverses {
                    lines.put("reverses", reverses);
                }
                for Leg { account, credit_minor } in legs {
                    lines.put("leg", format_args!("{account} {credit_minor}"));
                }
            }
        }
        lines.0
    }

    /// Reads [`Command::encode`] back.
    ///
    /// # Errors
    ///
    /// Any text that `encode` does not write.
    pub fn decode(text: &str) -> Result<Self, CodecError> {
        let mut lines = Reader { lines: text.lines(), line: None };
        lines.advance();
        let Some(("v1", word)) = lines.line else { return Err(CodecError::UnknownForm) };
        lines.advance();
        let transaction = lines.parse("transaction")?;
        let subject = match lines.take_if("subject") {
            Some(text) => parsed("subject", text)?,
            None => Subject::Conversion(lines.parse("conversion")?),
        };
        let at = Timestamp(lines.parse("at")?);
        let author = unescaped("author", lines.take("author")?)?;
        let mut facts = Vec::new();
        while let Some(fact) = lines.take_if("fact") {
            let (name, value) = fact.split_once(' ').ok_or(CodecError::BadValue("fact"))?;
            let name = Word::parse(name).ok_or(CodecError::BadValue("fact"))?;
            facts.push((name, unescaped("fact", value)?));
        }
        let evidence = Evidence { at, author, facts };
        let action = lines.action(word)?;
        let command = Self { transaction, subject, action, evidence };
        // Catches whatever is left over, and every second spelling of an id or a number.
        if command.encode() == text { Ok(command) } else { Err(CodecError::NotCanonical) }
    }
}

impl Position {
    /// The position as text, for the one column that keeps it beside its conversion. The form is
    /// that of `position` above. Ends with a line feed.
    pub fn encode(&self) -> String {
        let mut lines = Writer(String::new());
        lines.put_position(self);
        lines.0
    }

    /// Reads [`Position::encode`] back.
    ///
    /// # Errors
    ///
    /// Any text that `encode` does not write.
    pub fn decode(text: &str) -> Result<Self, CodecError> {
        let mut lines = Reader { lines: text.lines(), line: None };
        lines.advance();
        let position = lines.position()?;
        if position.encode() == text { Ok(position) } else { Err(CodecError::NotCanonical) }
    }
}

struct Writer(String);

impl Writer {
    fn put(&mut self, key: &str, value: impl Display) {
        writeln!(self.0, "{key} {value}").expect("a string takes every write");
    }

    fn put_parties(&mut self, parties: &Parties) {
        self.put("debtor", Owner::from(parties.debtor));
        self.put("publisher", parties.publisher);
        if let Some(shopper) = parties.shopper {
            self.put("shopper", shopper);
        }
    }

    fn put_basis(&mut self, basis: &Basis) {
        self.put_money("charge", basis.charge);
        self.put("fee", basis.fee.0);
        self.put("share", basis.share.0);
        for tax in &basis.taxes {
            self.put("tax", format_args!("{} {} {}", tax.component, tax.rate.0, tax.base));
        }
    }

    fn put_position(&mut self, position: &Position) {
        let Position { parties, split, stage, origin, advanced_minor } = position;
        self.put_parties(parties);
        self.put("stage", stage);
        self.put("origin", origin);
        self.put_money("posted.charge", split.charge);
        self.put("posted.fee", split.fee.minor);
        self.put("posted.shopper", split.shopper.minor);
        self.put_taxes("posted.tax", &split.taxes);
        self.put("posted.net", split.net.minor);
        if *advanced_minor != 0 {
            self.put("posted.advanced", advanced_minor);
        }
    }

    fn put_money(&mut self, key: &str, money: Money) {
        self.put(key, format_args!("{} {}", money.minor, money.currency));
    }

    fn put_taxes(&mut self, key: &str, taxes: &[TaxPart]) {
        for TaxPart { component, withheld, shortfall } in taxes {
            self.put(key, format_args!("{component} {} {}", withheld.minor, shortfall.minor));
        }
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// The line that is read next, as key and value.
    line: Option<(&'a str, &'a str)>,
}

impl<'a> Reader<'a> {
    fn advance(&mut self) {
        self.line = self.lines.next().map(|line| line.split_once(' ').unwrap_or((line, "")));
    }

    fn take_if(&mut self, key: &str) -> Option<&'a str> {
        let (found, value) = self.line?;
        if found != key {
            return None;
        }
        self.advance();
        Some(value)
    }

    fn take(&mut self, key: &'static str) -> Result<&'a str, CodecError> {
        self.take_if(key).ok_or(CodecError::Missing(key))
    }

    fn parse<T: FromStr>(&mut self, key: &'static str) -> Result<T, CodecError> {
        parsed(key, self.take(key)?)
    }

    fn action(&mut self, word: &str) -> Result<Action, CodecError> {
        match word {
            "accrue" => Ok(Action::Accrue { parties: self.parties()?, basis: self.basis()? }),
            "release" => {
                let position = self.position()?;
                let currency = position.split.currency();
                let taxes = match self.take("taxes")? {
                    "recomputed" => Some(self.taxes("settled.tax", currency)?),
                    "estimate" => None,
                    _ => return Err(CodecError::BadValue("taxes")),
                };
                Ok(Action::Release { position, taxes })
            }
            "reverse" => Ok(Action::Reverse { position: self.position()? }),
            "partial_reverse" => {
                Ok(Action::PartialReverse { position: self.position()?, remaining: self.basis()? })
            }
            "claw_back" => {
                let position = self.position()?;
                let tax = known("tax", TaxState::parse(self.take("tax")?))?;
                let remaining = if self.line.is_some() { Some(self.basis()?) } else { None };
                Ok(Action::ClawBack { position, remaining, tax })
            }
            "advance" => {
                let position = self.position()?;
                let currency = position.split.currency();
                let amount = Money::new(self.parse("advance")?, currency);
                let fee = Money::new(self.parse("advance.fee")?, currency);
                Ok(Action::Advance { position, amount, fee })
            }
            "move" => self.moved().map(Action::Move),
            _ => Err(CodecError::UnknownForm),
        }
    }

    fn moved(&mut self) -> Result<Move, CodecError> {
        let kind = known("kind", MoveKind::parse(self.take("kind")?))?;
        let reverses = self.take_if("reverses").map(|text| parsed("reverses", text)).transpose()?;
        let mut legs = Vec::new();
        while let Some(text) = self.take_if("leg") {
            let [account, credit] = fields("leg", text)?;
            let account = Account::parse_key(account).map_err(|_| CodecError::BadValue("leg"))?;
            legs.push(Leg { account, credit_minor: parsed("leg", credit)? });
        }
        Ok(Move { kind, reverses, legs })
    }

    fn parties(&mut self) -> Result<Parties, CodecError> {
        let text = self.take("debtor")?;
        let debtor = match text.get(..4) {
            Some(AdvertiserId::PREFIX) => Debtor::Advertiser(parsed("debtor", text)?),
            Some(IntegrationId::PREFIX) => Debtor::Network(parsed("debtor", text)?),
            _ => return Err(CodecError::BadValue("debtor")),
        };
        let publisher = self.parse("publisher")?;
        let shopper = self.take_if("shopper").map(|text| parsed("shopper", text)).transpose()?;
        Ok(Parties { debtor, publisher, shopper })
    }

    fn basis(&mut self) -> Result<Basis, CodecError> {
        let charge = self.money("charge")?;
        let fee = BasisPoints(self.parse("fee")?);
        let share = BasisPoints(self.parse("share")?);
        let mut taxes = Vec::new();
        while let Some(text) = self.take_if("tax") {
            let [component, rate, base] = fields("tax", text)?;
            taxes.push(TaxRate {
                component: known("tax", Word::parse(component))?,
                rate: BasisPoints(parsed("tax", rate)?),
                base: known("tax", TaxBase::parse(base))?,
            });
        }
        Ok(Basis { charge, fee, share, taxes })
    }

    fn position(&mut self) -> Result<Position, CodecError> {
        let parties = self.parties()?;
        let stage = known("stage", Stage::parse(self.take("stage")?))?;
        let origin = self.parse("origin")?;
        let charge = self.money("posted.charge")?;
        let currency = charge.currency;
        let fee = Money::new(self.parse("posted.fee")?, currency);
        let shopper = Money::new(self.parse("posted.shopper")?, currency);
        let taxes = self.taxes("posted.tax", currency)?;
        let net = Money::new(self.parse("posted.net")?, currency);
        let bad = |_| CodecError::BadValue("posted.charge");
        let commission = charge.checked_sub(fee).map_err(bad)?;
        let split = Split { charge, fee, commission, shopper, taxes, net };
        let advanced = self.take_if("posted.advanced");
        let advanced_minor = advanced.map_or(Ok(0), |text| parsed("posted.advanced", text))?;
        Ok(Position { parties, split, stage, origin, advanced_minor })
    }

    fn money(&mut self, key: &'static str) -> Result<Money, CodecError> {
        let [minor, currency] = fields(key, self.take(key)?)?;
        let currency = Currency::parse(currency).map_err(|_| CodecError::BadValue(key))?;
        Ok(Money::new(parsed(key, minor)?, currency))
    }

    fn taxes(&mut self, key: &'static str, currency: Currency) -> Result<Vec<TaxPart>, CodecError> {
        let mut taxes = Vec::new();
        while let Some(text) = self.take_if(key) {
            let [component, withheld, shortfall] = fields(key, text)?;
            taxes.push(TaxPart {
                component: known(key, Word::parse(component))?,
                withheld: Money::new(parsed(key, withheld)?, currency),
                shortfall: Money::new(parsed(key, shortfall)?, currency),
            });
        }
        Ok(taxes)
    }
}

fn parsed<T: FromStr>(key: &'static str, text: &str) -> Result<T, CodecError> {
    text.parse().map_err(|_| CodecError::BadValue(key))
}

fn known<T>(key: &'static str, value: Option<T>) -> Result<T, CodecError> {
    value.ok_or(CodecError::BadValue(key))
}

fn fields<'a, const N: usize>(
    key: &'static str,
    text: &'a str,
) -> Result<[&'a str; N], CodecError> {
    let found: Vec<&str> = text.split(' ').collect();
    found.try_into().map_err(|_| CodecError::BadValue(key))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescaped(key: &'static str, text: &str) -> Result<String, CodecError> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            _ => return Err(CodecError::BadValue(key)),
        }
    }
    Ok(plain)
}
