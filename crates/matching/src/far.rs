//! The pages of a side that are too far from its best price for the [window](crate::ladder): a
//! crit-bit tree, so that whoever spreads orders over all prices can not make it deep.
//!
//! ```text
//!   inner nodes test one bit of the page key, the higher the bit the nearer to the root;
//!   leaves are pages. n leaves have n - 1 inner nodes: each page brings one, stored under its id
//! ```
//!
//! A page key has 42 bits, so no walk is longer than that, whatever the keys: no balancing. That
//! an inner node stored under a page is always an ancestor of that page's leaf is what lets a page
//! take its node along when it leaves (see [`FarNodes::remove`]).

use alloc::vec::Vec;

use crate::links::{Links, PageId};

/// A subtree: none, a page, or an inner node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ref(u32);

const INNER: u32 = 1 << 31;

impl Ref {
    pub(crate) const NONE: Self = Self(u32::MAX);

    fn leaf(page: PageId) -> Self {
        Self(page.0)
    }

    fn inner(id: u32) -> Self {
        Self(id | INNER)
    }

    fn as_inner(self) -> Option<usize> {
        (self != Self::NONE && self.0 & INNER != 0).then_some((self.0 & !INNER) as usize)
    }

    fn as_page(self) -> PageId {
        debug_assert_eq!(self.0 & INNER, 0);
        PageId(self.0)
    }
}

#[derive(Clone, Copy, Debug)]
struct Inner {
    bit: u32,
    /// By the value of the bit.
    children: [Ref; 2],
}

/// The inner nodes of all trees of the shard, by page.
pub(crate) struct FarNodes {
    inner: Vec<Inner>,
}

/// Where a reference is kept: at the root, or in an inner node.
#[derive(Clone, Copy)]
enum Place {
    Root,
    Child(usize, usize),
}

fn branch(key: u64, bit: u32) -> usize {
    (key >> bit & 1) as usize
}

impl FarNodes {
    /// For pages below `page_end`.
    pub(crate) fn new(page_end: u32) -> Self {
        Self { inner: Vec::with_capacity(page_end as usize) }
    }

    fn at(&self, root: Ref, place: Place) -> Ref {
        match place {
            Place::Root => root,
            Place::Child(id, side) => self.inner[id].children[side],
        }
    }

    fn put(&mut self, root: &mut Ref, place: Place, to: Ref) {
        match place {
            Place::Root => *root = to,
            Place::Child(id, side) => self.inner[id].children[side] = to,
        }
    }

    /// The page that a walk for `key` ends at: the one of that key if there is one.
    fn nearest(&self, root: Ref, key: u64) -> Option<PageId> {
        if root == Ref::NONE {
            return None;
        }
        let mut at = root;
        while let Some(id) = at.as_inner() {
            let inner = &self.inner[id];
            at = inner.children[branch(key, inner.bit)];
        }
        Some(at.as_page())
    }

    /// The page of that key.
    pub(crate) fn find(&self, root: Ref, links: &Links, key: u64) -> Option<PageId> {
        self.nearest(root, key).filter(|&page| links.page(page).key == key)
    }

    /// The page of the highest key below a subtree.
    pub(crate) fn last(&self, root: Ref) -> Option<PageId> {
        if root == Ref::NONE {
            return None;
        }
        let mut at = root;
        while let Some(id) = at.as_inner() {
            at = self.inner[id].children[1];
        }
        Some(at.as_page())
    }

    /// The page of the highest key below `key`.
    pub(crate) fn before(&self, root: Ref, links: &Links, key: u64) -> Option<PageId> {
        let nearest = self.nearest(root, key)?;
        let difference = links.page(nearest).key ^ key;
        // The bit at which all that are below the place of `key` differ from it; 0 and none for
        // the key itself, whose walk then ends at its leaf.
        let first_bit = 64 - difference.leading_zeros();
        let mut at = root;
        let mut smaller = None;
        while let Some(id) = at.as_inner() {
            let inner = &self.inner[id];
            if inner.bit + 1 < first_bit {
                break;
            }
            let side = branch(key, inner.bit);
            if side == 1 {
                smaller = Some(inner.children[0]);
            }
            at = inner.children[side];
        }
        let all_are_smaller = difference != 0 && links.page(nearest).key < key;
        if all_are_smaller { self.last(at) } else { smaller.and_then(|tree| self.last(tree)) }
    }

    /// Adds a page. Its key is not in the tree.
    pub(crate) fn insert(&mut self, root: &mut Ref, links: &Links, page: PageId) {
        let id = page.0 as usize;
        if self.inner.len() <= id {
            // Within what was reserved at the start.
            self.inner.resize(id + 1, Inner { bit: 0, children: [Ref::NONE; 2] });
        }
        let key = links.page(page).key;
        let Some(nearest) = self.nearest(*root, key) else {
            *root = Ref::leaf(page);
            return;
        };
        let difference = links.page(nearest).key ^ key;
        assert_ne!(difference, 0, "a page twice");
        let bit = 63 - difference.leading_zeros();
        let mut place = Place::Root;
        while let Some(inner) = self.at(*root, place).as_inner()
            && self.inner[inner].bit > bit
        {
            place = Place::Child(inner, branch(key, self.inner[inner].bit));
        }
        let other = self.at(*root, place);
        let side = branch(key, bit);
        let mut children = [other; 2];
        children[side] = Ref::leaf(page);
        self.inner[id] = Inner { bit, children };
        self.put(root, place, Ref::inner(page.0));
    }

    /// Takes a page out. It must be in the tree.
    ///
    /// Its leaf and the inner node above that go. If that node is stored under another page, the
    /// node stored under this page (an ancestor of both) moves to the place that has become free.
    pub(crate) fn remove(&mut self, root: &mut Ref, links: &Links, page: PageId) {
        let key = links.page(page).key;
        let own = page.0 as usize;
        let (mut parent, mut place, mut own_place) = (None, Place::Root, None);
        while let Some(inner) = self.at(*root, place).as_inner() {
            if inner == own {
                own_place = Some(place);
            }
            parent = Some((inner, place));
            place = Place::Child(inner, branch(key, self.inner[inner].bit));
        }
        assert_eq!(self.at(*root, place), Ref::leaf(page), "a page that is not there");
        let Some((gone, gone_place)) = parent else {
            *root = Ref::NONE;
            return;
        };
        let sibling = self.inner[gone].children[1 - branch(key, self.inner[gone].bit)];
        self.put(root, gone_place, sibling);
        if let Some(own_place) = own_place
            && gone != own
        {
            self.inner[gone] = self.inner[own];
            self.put(root, own_place, Ref::inner(gone as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use vesta_types::state_hash::hash_words;

    #[test]
    fn agrees_with_a_map() {
        const PAGE_COUNT: u32 = 300;
        let mut links = Links::new(0, 0, PAGE_COUNT);
        let mut tree = FarNodes::new(1 + PAGE_COUNT);
        let mut root = Ref::NONE;
        let mut map: BTreeMap<u64, PageId> = BTreeMap::new();
        let mut state = 1;
        for step in 0..40_000_u64 {
            state = hash_words(&[state, step]);
            // Few high bits, few low ones: long shared prefixes.
            let key = (state & 0x1f) | (state >> 20 & 7) << 37;
            match map.get(&key).copied() {
                Some(page) => {
                    tree.remove(&mut root, &links, page);
                    links.free_page(page);
                    map.remove(&key);
                }
                None if map.len() < PAGE_COUNT as usize => {
                    let page = links.take_page(key);
                    tree.insert(&mut root, &links, page);
                    map.insert(key, page);
                }
                None => {}
            }
            let probe = (state >> 40 & 0x1f) | (state >> 50 & 7) << 37;
            assert_eq!(tree.find(root, &links, probe), map.get(&probe).copied());
            assert_eq!(tree.last(root), map.values().next_back().copied());
            let before = map.range(..probe).next_back().map(|(_, &page)| page);
            assert_eq!(tree.before(root, &links, probe), before, "step {step}");
        }
        for (_, page) in map {
            tree.remove(&mut root, &links, page);
        }
        assert_eq!(root, Ref::NONE);
    }
}
