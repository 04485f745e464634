//! The blocks that anybody has made, as a tree.

/// A block, by its place in the tree; the first one is 0.
pub(super) type BlockId = usize;

/// The most blocks of a tree.
pub(super) const MOST: usize = 128;

/// What a block is to the rest of the tree.
struct Place {
    parent: BlockId,
    number: u32,
    /// The block and its ancestors, a bit for each.
    line: u128,
}

/// Blocks with what each of them holds.
pub(super) struct Tree<T> {
    places: Vec<Place>,
    contents: Vec<T>,
}

impl<T> Tree<T> {
    /// A tree of its first block.
    pub(super) fn new(first: T) -> Self {
        let root = Place {
            parent: 0,
            number: 0,
            line: 1,
        };
        Self {
            places: vec![root],
            contents: vec![first],
        }
    }

    /// Adds a block on top of another.
    pub(super) fn add(&mut self, parent: BlockId, content: T) -> BlockId {
        let block = self.places.len();
        assert!(block < MOST, "the tree is full");
        let place = Place {
            parent,
            number: self.number(parent) + 1,
            line: self.places[parent].line | 1 << block,
        };
        self.places.push(place);
        self.contents.push(content);
        block
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, block: BlockId) -> &T {
        &self.contents[block]
    }

    pub(super) fn number(&self, block: BlockId) -> u32 {
        self.places[block].number
    }

    pub(super) fn parent(&self, block: BlockId) -> BlockId {
        self.places[block].parent
    }

    /// Whether `block` is `ancestor` or comes after it.
    pub(super) fn contains(&self, block: BlockId, ancestor: BlockId) -> bool {
        self.places[block].line >> ancestor & 1 == 1
    }

    /// Whether neither of two blocks comes after the other.
    pub(super) fn conflict(&self, one: BlockId, other: BlockId) -> bool {
        !self.contains(one, other) && !self.contains(other, one)
    }

    /// The line from `block` down to `base`, both included.
    pub(super) fn line(&self, block: BlockId, base: BlockId) -> impl Iterator<Item = BlockId> + '_ {
        let next = move |block: &BlockId| (*block != base && *block != 0).then(|| self.parent(*block));
        std::iter::successors(Some(block), next)
    }
}

#[test]
fn a_tree_knows_who_comes_after_whom() {
    let mut tree = Tree::new('a');
    let b = tree.add(0, 'b');
    let c = tree.add(b, 'c');
    let d = tree.add(b, 'd');
    assert_eq!((tree.number(d), tree.parent(d), *tree.get(c)), (2, b, 'c'));
    assert!(tree.contains(c, b) && tree.contains(c, c) && tree.contains(d, 0));
    assert!(!tree.contains(b, c) && !tree.contains(c, d));
    assert!(tree.conflict(c, d) && !tree.conflict(b, d) && !tree.conflict(c, c));
    assert_eq!(tree.line(c, b).collect::<Vec<_>>(), [c, b]);
    assert_eq!(tree.line(d, 0).collect::<Vec<_>>(), [d, b, 0]);
}
