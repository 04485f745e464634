//! The shares that an aggregator has accepted and whose period is not over on the finalised chain, and when they go out.
//!
//! Pure: it is told the time, the block and what is on the chain. A period's shares go out in batches, each ascending by
//! pseudonym, as soon as a full one is there, and otherwise at intervals that let a period get along with the batches that
//! the chain takes of it; what is not on the chain a few blocks after it was sent goes out again. No more shares are taken
//! than the batches that are left have room for, and at most [`MAX_HELD`] are held.
//!
//! A book that is filled from the journal after a restart knows of no batch on its way and sends all that is not on the chain
//! at once. That does no harm: the chain leaves out what an earlier batch brought, a pool refuses the same batch once more,
//! and the batch that one of another cut may use up beyond need is among the [`SPARE`].
//!
//! **Privacy.** In the batches nothing is left of the order in which shares came.

use gridveil_primitives::{batch::SignedShare, Moment, PeriodKey, Prid};
use std::collections::{BTreeMap, BTreeSet};

/// The most shares held: those of 131,072 meters in one period, in about 40 MB.
pub const MAX_HELD: usize = 262_144;
/// How many blocks after it was sent a share is sent again if it is on no block.
const RESEND_AFTER: u32 = 8;
/// How many of a period's batches are kept for what has to be sent again.
const SPARE: u32 = 2;

/// What the book says to a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It is new.
    New,
    /// This very share was accepted before.
    Known,
    /// Another value was accepted under its pseudonym.
    Other,
    /// There is no room.
    Full,
}

/// A share on its way.
struct Held {
    share: SignedShare,
    /// The number of the best block when it was sent last.
    sent: Option<u32>,
    /// Whether it was on the best chain at the last look.
    there: bool,
}

impl Held {
    /// Whether it is neither on the best chain nor on its way there.
    fn waits(&self, best: u32) -> bool {
        !self.there && self.sent.is_none_or(|sent| best >= sent.saturating_add(RESEND_AFTER))
    }
}

/// A batch that was sent.
struct Batch {
    first: Prid,
    /// The number of the best block then.
    sent: u32,
}

/// A period's shares on their way.
#[derive(Default)]
struct Period {
    held: BTreeMap<Prid, Held>,
    /// The batches on their way.
    batches: Vec<Batch>,
    /// When a batch was sent last.
    sent: Option<Moment>,
}

impl Period {
    /// How many batches the chain takes beside those that it has and those on their way.
    fn left(&self, best: u32, there: u32, limits: Limits) -> u32 {
        let under_way = self
            .batches
            .iter()
            .filter(|batch| best < batch.sent.saturating_add(RESEND_AFTER))
            .count();
        limits
            .batches
            .saturating_sub(there)
            .saturating_sub(u32::try_from(under_way).unwrap_or(u32::MAX))
    }
}

/// What the chain says about a period.
pub struct OnChain {
    /// The time of the best block.
    pub now: Moment,
    /// Its number.
    pub best: u32,
    /// When the period's window closes.
    pub closes: Moment,
    /// The window's length, in milliseconds.
    pub window: u64,
    /// The pseudonyms whose shares are on the best chain.
    pub there: BTreeSet<Prid>,
    /// How many batches the period has there.
    pub batches: u32,
}

/// What the chain takes.
#[derive(Clone, Copy)]
pub struct Limits {
    /// The most shares of a batch.
    pub shares: usize,
    /// The most batches of a period.
    pub batches: u32,
}

/// All periods' shares on their way.
#[derive(Default)]
pub struct Book {
    periods: BTreeMap<PeriodKey, Period>,
    held: usize,
}

impl Book {
    /// Whether a share can be taken; it is not taken yet.
    pub fn look(&self, key: &PeriodKey, share: &SignedShare) -> Note {
        match self.periods.get(key).and_then(|period| period.held.get(&share.prid)) {
            Some(held) if held.share.value == share.value => Note::Known,
            Some(_) => Note::Other,
            None if self.held >= MAX_HELD => Note::Full,
            None => Note::New,
        }
    }

    /// For how many more shares of a period its batches have room, `there` being how many the best block `best` has.
    pub fn room(&self, key: &PeriodKey, best: u32, there: u32, limits: Limits) -> usize {
        let empty = Period::default();
        let period = self.periods.get(key).unwrap_or(&empty);
        let left = period.left(best, there, limits).saturating_sub(SPARE);
        let waiting = period.held.values().filter(|held| held.waits(best)).count();
        limits.shares.saturating_mul(size(left)).saturating_sub(waiting)
    }

    /// Takes a share. One under a pseudonym that is there already changes nothing.
    pub fn take(&mut self, key: PeriodKey, share: SignedShare) {
        self.periods
            .entry(key)
            .or_default()
            .held
            .entry(share.prid)
            .or_insert_with(|| {
                self.held = self.held.saturating_add(1);
                Held {
                    share,
                    sent: None,
                    there: false,
                }
            });
    }

    /// Gives back shares that were taken and could not be kept.
    pub fn give_back(&mut self, key: &PeriodKey, shares: &[SignedShare]) {
        let Some(period) = self.periods.get_mut(key) else {
            return;
        };
        for share in shares {
            if period.held.remove(&share.prid).is_some() {
                self.held = self.held.saturating_sub(1);
            }
        }
        if period.held.is_empty() {
            self.periods.remove(key);
        }
    }

    /// The periods that shares are held of.
    pub fn periods(&self) -> Vec<PeriodKey> {
        self.periods.keys().copied().collect()
    }

    /// How many shares are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Forgets a period, which is over on the finalised chain where the shares of `there` are; how many of those accepted
    /// are among them, and how many are not.
    pub fn close(&mut self, key: &PeriodKey, there: &BTreeSet<Prid>) -> (usize, usize) {
        let held = self.periods.remove(key).unwrap_or_default().held;
        self.held = self.held.saturating_sub(held.len());
        let landed = held.keys().filter(|prid| there.contains(*prid)).count();
        (landed, held.len().saturating_sub(landed))
    }

    /// The batches of a period that are to be sent now, and notes them as sent.
    pub fn due(&mut self, key: &PeriodKey, chain: &OnChain, limits: Limits) -> Vec<Vec<SignedShare>> {
        let Some(period) = self.periods.get_mut(key) else {
            return Vec::new();
        };
        for (prid, held) in &mut period.held {
            held.there = chain.there.contains(prid);
        }
        period.batches.retain(|batch| !chain.there.contains(&batch.first));
        let left = period.left(chain.best, chain.batches, limits);
        if chain.now >= chain.closes || left == 0 || limits.shares == 0 {
            return Vec::new();
        }
        let waiting = period.held.iter().filter(|(_, held)| held.waits(chain.best));
        let waiting: Vec<Prid> = waiting.map(|(prid, _)| *prid).collect();
        let interval = chain
            .window
            .checked_div(u64::from(limits.batches.saturating_sub(SPARE).max(1)))
            .unwrap_or_default();
        let time = period
            .sent
            .is_none_or(|sent| chain.now >= sent.saturating_add(interval));
        if waiting.is_empty() || (!time && waiting.len() < limits.shares) {
            return Vec::new();
        }
        period.sent = Some(chain.now);
        let mut batches = Vec::new();
        for chunk in waiting.chunks(limits.shares).take(size(left)) {
            let batch = chunk.iter().filter_map(|prid| {
                let held = period.held.get_mut(prid)?;
                held.sent = Some(chain.best);
                Some(held.share)
            });
            batches.push(batch.collect());
            period.batches.extend(chunk.first().map(|first| Batch {
                first: *first,
                sent: chain.best,
            }));
        }
        batches
    }

    /// Notes that a batch could not be sent.
    pub fn unsent(&mut self, key: &PeriodKey, batch: &[SignedShare]) {
        let (Some(period), Some(first)) = (self.periods.get_mut(key), batch.first()) else {
            return;
        };
        period.batches.retain(|sent| sent.first != first.prid);
        for share in batch {
            if let Some(held) = period.held.get_mut(&share.prid) {
                held.sent = None;
            }
        }
    }
}

/// A number of batches as a number of things in memory.
fn size(batches: u32) -> usize {
    usize::try_from(batches).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    const CLOSES: Moment = 100_000;
    const LIMITS: Limits = Limits { shares: 4, batches: 12 };

    fn share(number: u32) -> SignedShare {
        let mut prid = [0; 32];
        // Not in the order of their numbers.
        prid[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        SignedShare {
            prid,
            value: number.into(),
            signature: [0; 64],
        }
    }

    fn book(count: u32) -> Book {
        let mut book = Book::default();
        (0..count).for_each(|number| book.take(KEY, share(number)));
        book
    }

    fn chain(now: Moment, best: u32, there: &[SignedShare], batches: u32) -> OnChain {
        OnChain {
            now,
            best,
            closes: CLOSES,
            window: 10_000,
            there: there.iter().map(|share| share.prid).collect(),
            batches,
        }
    }

    #[test]
    fn shares_go_out_ascending_and_in_batches_that_are_not_too_long() {
        let mut book = book(10);
        let batches = book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        let sent: Vec<_> = batches.concat();
        assert!(sent.is_sorted_by_key(|share| share.prid));
        assert_eq!(sent.len(), 10);
    }

    #[test]
    fn between_two_sendings_of_less_than_a_batch_an_interval_passes() {
        let mut book = book(1);
        assert_eq!(book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS).len(), 1);
        book.take(KEY, share(1));
        assert!(book.due(&KEY, &chain(90_999, 6, &[], 1), LIMITS).is_empty());
        assert_eq!(book.due(&KEY, &chain(91_000, 6, &[], 1), LIMITS).concat(), [share(1)]);
        (2..6).for_each(|number| book.take(KEY, share(number)));
        assert_eq!(book.due(&KEY, &chain(91_001, 6, &[], 2), LIMITS).concat().len(), 4);
    }

    #[test]
    fn what_does_not_reach_the_chain_is_sent_again_and_what_did_is_not() {
        let mut book = book(2);
        let sent = book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS).concat();
        assert!(book.due(&KEY, &chain(95_000, 12, &[], 0), LIMITS).is_empty());
        let again = book.due(&KEY, &chain(96_000, 13, &sent[..1], 1), LIMITS).concat();
        assert_eq!(again, sent[1..]);
        assert!(book.due(&KEY, &chain(99_000, 30, &sent, 2), LIMITS).is_empty());
    }

    #[test]
    fn nothing_goes_out_after_the_close_or_beyond_the_chains_number_of_batches() {
        let mut book = book(10);
        assert!(book.due(&KEY, &chain(CLOSES, 5, &[], 0), LIMITS).is_empty());
        assert!(book.due(&KEY, &chain(90_000, 5, &[], 12), LIMITS).is_empty());
        assert_eq!(book.due(&KEY, &chain(90_000, 5, &[], 11), LIMITS).concat().len(), 4);
        assert!(book
            .due(&PeriodKey { region: 2, ..KEY }, &chain(90_000, 5, &[], 0), LIMITS)
            .is_empty());
    }

    #[test]
    fn a_share_is_accepted_once_and_for_one_value() {
        let mut book = book(1);
        let other = SignedShare { value: 9, ..share(0) };
        assert_eq!(book.look(&KEY, &share(0)), Note::Known);
        assert_eq!(book.look(&KEY, &other), Note::Other);
        assert_eq!(book.look(&KEY, &share(1)), Note::New);
        assert_eq!(book.look(&PeriodKey { period: 1, ..KEY }, &other), Note::New);
        book.take(KEY, other);
        assert_eq!(book.held(), 1);
        assert_eq!(book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS).concat(), [share(0)]);
    }

    #[test]
    fn the_book_fills_up_and_a_period_that_is_over_makes_room() {
        let mut book = book(u32::try_from(MAX_HELD).unwrap());
        let other = PeriodKey { region: 2, ..KEY };
        let more = share(u32::MAX);
        assert_eq!(book.look(&other, &more), Note::Full);
        assert_eq!(book.look(&KEY, &share(5)), Note::Known);
        let there = (3..u32::try_from(MAX_HELD).unwrap())
            .map(|number| share(number).prid)
            .collect();
        assert_eq!(book.close(&KEY, &there), (MAX_HELD - 3, 3));
        assert_eq!((book.held(), book.periods()), (0, vec![]));
        assert_eq!(book.look(&other, &more), Note::New);
        assert_eq!(book.close(&KEY, &BTreeSet::new()), (0, 0));
    }

    #[test]
    fn a_batch_that_could_not_be_sent_goes_out_at_the_next_interval() {
        let mut book = book(2);
        let batch = book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS).concat();
        book.unsent(&KEY, &batch);
        assert!(book.due(&KEY, &chain(90_999, 6, &[], 0), LIMITS).is_empty());
        assert_eq!(book.due(&KEY, &chain(91_000, 6, &[], 0), LIMITS).concat(), batch);
    }

    #[test]
    fn no_more_is_taken_than_the_batches_left_have_room_for() {
        let mut book = book(3);
        // Twelve batches of four, two of them spare, and three shares that wait.
        assert_eq!(book.room(&KEY, 5, 0, LIMITS), 37);
        assert_eq!(book.room(&KEY, 5, 9, LIMITS), 1);
        assert_eq!(book.room(&KEY, 5, 12, LIMITS), 0);
        // Sent, they take a whole batch, on its way or there.
        let sent = book.due(&KEY, &chain(90_000, 5, &[], 0), LIMITS).concat();
        assert_eq!(book.room(&KEY, 5, 0, LIMITS), 36);
        book.due(&KEY, &chain(90_100, 6, &sent, 1), LIMITS);
        assert_eq!(book.room(&KEY, 6, 1, LIMITS), 36);
        // One that got lost gives its place back to the shares in it.
        book.due(&KEY, &chain(90_200, 7, &[], 0), LIMITS);
        assert_eq!(book.room(&KEY, 5 + RESEND_AFTER, 0, LIMITS), 37);
    }

    #[test]
    fn shares_that_could_not_be_kept_leave_nothing_behind() {
        let mut book = book(3);
        book.give_back(&KEY, &[share(0), share(1), share(7)]);
        assert_eq!((book.held(), book.periods()), (1, vec![KEY]));
        assert_eq!(book.look(&KEY, &share(0)), Note::New);
        book.give_back(&KEY, &[share(2)]);
        assert_eq!((book.held(), book.periods()), (0, vec![]));
    }
}
