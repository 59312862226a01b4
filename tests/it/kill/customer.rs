//! A customer: clicks, orders, tells the order again and again, and notes what was acknowledged.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use harness::Response;
use harness::Shop;
use harness::Site;
use harness::http;
use harness::http::Request;
use harness::sentences::BROWSER_HEADERS;
use harness::sentences::parameter;
use harness::time;
use parking_lot::Mutex;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;

/// Between two orders: with all customers about 200 requests per second, which an unoptimised
/// build can follow. A backlog that only grows would keep the kills away from the newest records.
const PAUSE_MS: std::ops::Range<u64> = 20..60;
/// Customers of one [`Load`].
const CUSTOMERS: u64 = 3;
/// How often an order is told at most.
const TELLINGS_MAX: u32 = 4;

/// The customers' own log, synced before the next step, so that it would survive what it watches.
pub(crate) struct Notes {
    file: Mutex<File>,
    lines: Mutex<Vec<Acknowledged>>,
    tried: Mutex<Vec<String>>,
    count: AtomicU64,
}

/// One answer 200.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) order_ref: String,
    pub(crate) event_id: String,
}

impl Notes {
    pub(crate) fn open(directory: &Path) -> Self {
        let path = directory.join("acknowledged.log");
        let file = File::options().create(true).append(true).open(path).expect("a log");
        let (lines, tried) = (Mutex::default(), Mutex::default());
        Self { file: Mutex::new(file), lines, tried, count: AtomicU64::new(0) }
    }

    /// Notes that begin with what an earlier run was told.
    pub(crate) fn of(directory: &Path, lines: Vec<Acknowledged>, tried: Vec<String>) -> Self {
        let notes = Self::open(directory);
        notes.count.store(lines.len() as u64, Ordering::SeqCst);
        *notes.lines.lock() = lines;
        *notes.tried.lock() = tried;
        notes
    }

    fn acknowledge(&self, entry: Acknowledged) {
        let mut file = self.file.lock();
        writeln!(file, "{} {}", entry.order_ref, entry.event_id).expect("a line");
        file.sync_data().expect("a synced line");
        drop(file);
        self.lines.lock().push(entry);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes an order that is told by somebody else than a [`Customer`].
    pub(crate) fn attempt(&self, order_ref: &str) {
        self.tried.lock().push(order_ref.to_owned());
    }

    /// How many answers 200 there were.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// All of them.
    pub(crate) fn lines(&self) -> Vec<Acknowledged> {
        self.lines.lock().clone()
    }

    /// Every order that was told at least once, whatever the answer: unanswered ones may have been
    /// recorded.
    pub(crate) fn tried(&self) -> Vec<String> {
        self.tried.lock().clone()
    }
}

/// Customers of one daemon who order until they are told to stop.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    customers: Vec<thread::JoinHandle<()>>,
}

impl Load {
    /// `name` keeps their order numbers apart from those of others.
    pub(crate) fn start(site: &Site, shop: &Shop, notes: &Arc<Notes>, name: &str) -> Self {
        let key = shop.key(site);
        let is_over = Arc::new(AtomicBool::new(false));
        let customers = (0..CUSTOMERS).map(|number| {
            let customer = Customer {
                daemon: site.addresses().daemon,
                shop: shop.clone(),
                key: key.clone(),
                name: format!("{name}-{number}"),
                chance: StdRng::seed_from_u64(number),
                notes: Arc::clone(notes),
            };
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || customer.shop_until(&is_over))
        });
        let customers = customers.collect();
        Self { is_over, customers }
    }

    /// Waits until everyone has gone home.
    pub(crate) fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        for customer in self.customers {
            customer.join().expect("a customer ends quietly");
        }
    }
}

pub(crate) struct Customer {
    pub(crate) daemon: SocketAddr,
    pub(crate) shop: Shop,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) chance: StdRng,
    pub(crate) notes: Arc<Notes>,
}

impl Customer {
    /// Orders until the program dies or `is_over` is set.
    pub(crate) fn shop_until(mut self, is_over: &AtomicBool) {
        for number in 0_u32.. {
            let order_ref = format!("K-{}-{number}", self.name);
            if is_over.load(Ordering::SeqCst) || self.order(&order_ref).is_none() {
                return;
            }
            time::let_run(Duration::from_millis(self.chance.random_range(PAUSE_MS)));
        }
    }

    /// One click and one order, told several times. `None`: the program is gone.
    fn order(&mut self, order_ref: &str) -> Option<()> {
        let target = format!("/{}", self.shop.slug);
        let click = self.ask("GET", &target, BROWSER_HEADERS, "")?;
        let click_id = parameter(click.header("location").unwrap_or_default(), "sub1");
        self.notes.attempt(order_ref);
        for _ in 0..self.chance.random_range(1..=TELLINGS_MAX) {
            let answer = self.tell(order_ref, &click_id)?;
            // 503 is a refusal with "try again", not an acknowledgement.
            if answer.status == 503 {
                continue;
            }
            assert_eq!(answer.status, 200, "{}", answer.text());
            let event_id = answer.json()["event_id"].as_str().unwrap_or_default().to_owned();
            self.notes.acknowledge(Acknowledged { order_ref: order_ref.to_owned(), event_id });
        }
        Some(())
    }

    /// Tells the order by a random door.
    fn tell(&mut self, order_ref: &str, click_id: &str) -> Option<Response> {
        let pairs = format!(
            "click_id={click_id}&order_id={order_ref}&amount=10000.00&currency=KZT&status=approved"
        );
        match self.chance.random_range(0..3_u8) {
            0 => self.ask("GET", &format!("{}&{pairs}", self.shop.postback), &[], ""),
            1 => {
                let form = [("content-type", "application/x-www-form-urlencoded")];
                self.ask("POST", &self.shop.postback, &form, &pairs)
            }
            _ => {
                let event = event(order_ref, click_id).to_string();
                let headers =
                    [("x-api-key", self.key.as_str()), ("content-type", "application/json")];
                self.ask("POST", "/v1/events", &headers, &event)
            }
        }
    }

    fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Response> {
        http::send(self.daemon, &Request { method, target, headers, body: body.as_bytes() }).ok()
    }
}

fn event(order_ref: &str, click_id: &str) -> Value {
    json!({"action": "purchase", "value": "10000.00", "currency": "KZT", "status": "approved",
           "order_id": order_ref, "click_id": click_id})
}
