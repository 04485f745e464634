//! The comparison of finalised chains, height by height.
//!
//! Pure: what each node says it has finalised goes in, and comes out as agreement or as the first contradiction.
//!
//! **Privacy.** Hashes of blocks.

use std::collections::BTreeMap;

/// The hash of a block.
pub type Hash = [u8; 32];

/// Every finalised block that anyone has ever seen, by height, and who said something else.
#[derive(Clone, Debug, Default)]
pub struct Finalised {
    seen: BTreeMap<u32, (Hash, String)>,
    contradictions: Vec<String>,
}

impl Finalised {
    /// Notes that `who` has finalised a block.
    pub fn note(&mut self, who: &str, height: u32, hash: Hash) {
        match self.seen.get(&height) {
            None => {
                self.seen.insert(height, (hash, who.into()));
            }
            Some((first, _)) if *first == hash => {}
            Some((first, whose)) => self.contradictions.push(format!(
                "height {height}: {} at {whose}, {} at {who}",
                short(first),
                short(&hash)
            )),
        }
    }

    /// Notes a node's whole finalised chain, from genesis on.
    pub fn note_chain(&mut self, who: &str, chain: &[Hash]) {
        for (height, hash) in (0..).zip(chain) {
            self.note(who, height, *hash);
        }
    }

    /// How high the highest block is.
    pub fn height(&self) -> u32 {
        self.seen.keys().next_back().copied().unwrap_or(0)
    }

    /// How many heights are known, if nobody ever contradicted anybody; else the first contradictions.
    ///
    /// # Errors
    ///
    /// What was contradicted; nothing seen at all is an error too.
    pub fn verdict(&self) -> Result<usize, String> {
        if self.seen.is_empty() {
            return Err("no finalised block was seen".into());
        }
        if self.contradictions.is_empty() {
            return Ok(self.seen.len());
        }
        let shown: Vec<_> = self.contradictions.iter().take(3).cloned().collect();
        Err(format!(
            "{} contradictions: {}",
            self.contradictions.len(),
            shown.join("; ")
        ))
    }
}

/// The beginning of a hash, as people compare them.
pub fn short(hash: &Hash) -> String {
    let text = hex::encode(hash);
    format!("0x{}…", text.get(..8).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_different_length_agree_where_both_are() {
        let mut finalised = Finalised::default();
        finalised.note_chain("alice", &[[0; 32], [1; 32], [2; 32]]);
        finalised.note_chain("bob", &[[0; 32], [1; 32]]);
        assert_eq!(finalised.verdict(), Ok(3));
        assert_eq!(finalised.height(), 2);
    }

    #[test]
    fn two_blocks_of_one_height_are_a_contradiction_whoever_says_so_and_whenever() {
        let mut finalised = Finalised::default();
        finalised.note("alice", 7, [7; 32]);
        finalised.note("bob", 7, [8; 32]);
        let told = finalised.verdict().unwrap_err();
        assert!(
            told.contains("height 7") && told.contains("alice") && told.contains("bob"),
            "{told}"
        );

        let mut forgetful = Finalised::default();
        forgetful.note("alice", 7, [7; 32]);
        forgetful.note("alice", 7, [9; 32]);
        assert!(forgetful.verdict().is_err());
    }

    #[test]
    fn having_seen_nothing_is_no_agreement() {
        assert!(Finalised::default().verdict().is_err());
    }
}
