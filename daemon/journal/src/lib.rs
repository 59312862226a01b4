#![doc = include_str!("../README.md")]

mod journal;

pub mod config;
pub mod record;

pub mod lane;
mod receipt;

mod blank;
mod writer;

mod format;
mod identity;
mod segment;
mod window;

pub mod recovery;
pub mod scan;

pub mod cursor;
pub mod reader;

pub mod copy;
pub mod fact;
pub mod inspect;
mod scrub;

pub mod observer;

pub mod chance;
pub mod storage;

#[cfg(test)]
mod tests;

pub use config::ConfigError;
pub use config::Environment;
pub use config::JournalConfig;
pub use config::Lane;
pub use config::LaneConfig;
pub use config::SyncMode;
pub use config::Time;
pub use copy::CopiedLane;
pub use copy::copy_cursors;
pub use copy::copy_records;
pub use cursor::Cursor;
pub use cursor::CursorError;
pub use fact::Fact;
pub use inspect::JournalSummary;
pub use inspect::LaneSummary;
pub use inspect::inspect;
pub use inspect::journal_id;
pub use inspect::verify;
pub use journal::CloseError;
pub use journal::Journal;
pub use journal::OpenError;
pub use lane::LaneHandle;
pub use observer::Commit;
pub use observer::JournalObserver;
pub use observer::LaneState;
pub use observer::LaneStats;
pub use observer::Level;
pub use observer::NoObserver;
pub use reader::Batch;
pub use reader::BatchLimit;
pub use reader::ReadError;
pub use reader::Reader;
pub use receipt::Receipt;
pub use record::AppendError;
pub use record::Record;
pub use record::SeqRange;
pub use record::Shed;
pub use record::StoredRecord;
pub use recovery::LaneRecovery;
pub use recovery::RecoveryReport;
pub use scan::Damage;
pub use scan::DamageClass;
pub use storage::ModelDisk;
pub use storage::RealStorage;
pub use storage::Storage;
