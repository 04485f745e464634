//! How many nodes have to say a thing before the meter believes it.
//!
//! What a node answers comes without a proof, and the node that a meter asks first is its region's aggregator, which may be
//! hostile: one that takes a share, says that it is final and drops it would silence the meter, and so would one that names
//! a wrong schedule. So the meter believes what more nodes say than can lie: of n, at most a third, and where there is a
//! second node at all, its word is needed, too. A meter that knows one node only has no choice.
//!
//! A *route* starts at one node and leads to the next where that is down ([`crate::node`]); then two routes can have one
//! voice. That takes a node that is down beside one that lies.
//!
//! **Privacy.** Knows numbers of routes and nothing of what was said.

use std::collections::BTreeMap;

/// How many of `routes` must say the same to be believed.
pub fn words(routes: usize) -> usize {
    let liars = routes.saturating_sub(1) / 3;
    liars.max(1).saturating_add(1).min(routes.max(1))
}

/// What a route says about a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is on the finalised chain.
    There,
    /// The finalised chain is past the close, and it is not there.
    Absent,
    /// Nothing: it could not be asked.
    Nothing,
}

/// What the routes have said about one share, the last word of each.
#[derive(Clone, Debug)]
pub struct Hearing {
    routes: usize,
    said: BTreeMap<usize, Word>,
}

impl Hearing {
    /// Nobody was heard yet.
    pub fn new(routes: usize) -> Self {
        let said = BTreeMap::new();
        Self { routes, said }
    }

    /// Takes down what a route says.
    pub fn note(&mut self, route: usize, word: Word) {
        self.said.insert(route, word);
    }

    /// Whether any route says that the share is there.
    pub fn is_seen(&self) -> bool {
        self.count(Word::There) > 0
    }

    /// Whether the share is there, once enough have said so or, after the close, that it is not. Where all were heard `over`
    /// the window's end and no side has enough, the larger side has it, and not to be there wins a draw.
    pub fn verdict(&self, over: bool) -> Option<bool> {
        let (there, absent) = (self.count(Word::There), self.count(Word::Absent));
        if there >= words(self.routes) {
            Some(true)
        } else if absent >= words(self.routes) {
            Some(false)
        } else {
            let all = self.said.len() >= self.routes && there.saturating_add(absent) > 0;
            (over && all).then(|| self.leaning())
        }
    }

    /// Which side is the larger one, for when nobody else is to be heard; not to be there wins a draw.
    pub fn leaning(&self) -> bool {
        self.count(Word::There) > self.count(Word::Absent)
    }

    /// The route to ask after this one: the next that has not said that the share is there.
    pub fn after(&self, route: usize) -> usize {
        let following = (1..=self.routes).filter_map(|step| route.saturating_add(step).checked_rem(self.routes));
        let mut open = following.filter(|route| self.said.get(route) != Some(&Word::There));
        open.next().unwrap_or(0)
    }

    fn count(&self, word: Word) -> usize {
        self.said.values().filter(|said| **said == word).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{words, Hearing, Word};
    use Word::{Absent, Nothing, There};

    fn heard(routes: usize, said: &[(usize, Word)]) -> Hearing {
        let mut hearing = Hearing::new(routes);
        for (route, word) in said {
            hearing.note(*route, *word);
        }
        hearing
    }

    #[test]
    fn more_words_are_needed_than_there_can_be_liars_and_never_more_than_there_are_routes() {
        assert_eq!([0, 1, 2, 3, 4, 6, 7, 10].map(words), [1, 1, 2, 2, 2, 2, 3, 4]);
        for routes in 4..100 {
            assert!(words(routes) > (routes - 1) / 3 && words(routes) <= routes - (routes - 1) / 3);
        }
    }

    #[test]
    fn one_word_decides_only_where_there_is_one_route() {
        assert_eq!(heard(1, &[(0, There)]).verdict(false), Some(true));
        assert_eq!(heard(1, &[(0, Absent)]).verdict(true), Some(false));
        for routes in 2..8 {
            assert_eq!(heard(routes, &[(0, There)]).verdict(true), None);
            assert_eq!(heard(routes, &[(0, Absent)]).verdict(true), None);
        }
    }

    #[test]
    fn the_same_route_twice_is_one_voice() {
        assert_eq!(heard(4, &[(2, There), (2, There)]).verdict(true), None);
        assert_eq!(
            heard(4, &[(2, There), (2, Absent), (3, Absent)]).verdict(true),
            Some(false)
        );
    }

    #[test]
    fn routes_that_say_nothing_hold_nothing_up_once_the_window_is_over() {
        let hearing = heard(2, &[(0, There), (1, Nothing)]);
        assert_eq!((hearing.verdict(false), hearing.verdict(true)), (None, Some(true)));
        assert_eq!(heard(2, &[(0, There), (1, Absent)]).verdict(true), Some(false));
        assert_eq!(
            heard(3, &[(0, Nothing), (1, Nothing), (2, Nothing)]).verdict(true),
            None
        );
    }

    #[test]
    fn who_has_said_that_it_is_there_is_not_asked_again() {
        assert_eq!(heard(4, &[(0, There)]).after(0), 1);
        assert_eq!(heard(4, &[(0, There), (1, There), (2, Nothing)]).after(0), 2);
        assert_eq!(heard(4, &[(0, There)]).after(3), 1);
        assert_eq!(heard(1, &[]).after(0), 0);
        assert_eq!(heard(0, &[]).after(0), 0);
    }
}
