//! The links that every queue is made of: one array, addressed by `u32`, for orders and for the
//! sentinels of their queues.
//!
//! ```text
//!   nodes   [ orders: 0..order_count_max | fixed sentinels | unused | a page: 64 sentinels | a page | ... ]
//!                                                                   ^ a multiple of 64
//!
//!   queue   sentinel --next--> first --next--> ... last --next--> sentinel     (prev the other way)
//!           an order's qty is what it offers; a sentinel's, the sum over its queue
//! ```
//!
//! Circular lists have neither head nor tail case: taking a node out is the same four accesses
//! wherever it is, and a queue is empty when its sentinel's `next` is the sentinel. Only the queues of a
//! [ladder](crate::ladder), which has a bit for each that is not empty, need not be so when they are.
//!
//! A *page* is 64 neighbouring prices of one side. A bitmap says which have orders. Pages are made
//! as prices are first used and used again when they are empty, over all books of the shard. A page's
//! number times 64 is its first sentinel: from a queue to its page and back takes a shift.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use crate::memory::Table;

/// Address of a node: an order's slot, or a sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    /// No node.
    pub(crate) const NIL: Self = Self(u32::MAX);

    /// `None` for [`NIL`](Self::NIL).
    #[inline(always)]
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

/// Four of them to a cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) next: NodeId,
    pub(crate) prev: NodeId,
    /// An order: what it offers in its queue, in lots (of an iceberg the tip). A sentinel: the sum
    /// over its queue, below 2^64 since fewer than 2^24 orders have at most 2^40 lots each.
    pub(crate) qty: u64,
}

const _: () = assert!(size_of::<Node>() == 16);

/// Prices of a page, and bits of its map.
pub(crate) const PAGE_TICKS: u64 = 64;
/// How far a key is shifted to name its page.
pub(crate) const PAGE_SHIFT: u32 = PAGE_TICKS.trailing_zeros();

/// Pages that are made at the start, 1 KiB each: more than most shards have in use at a time. Too
/// low: the first orders of new prices wait for the operating system.
const PAGES_AT_START: u32 = 4096;

/// Which page; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageId(pub(crate) u32);

impl PageId {
    /// The page that a level belongs to, and its place there.
    #[inline(always)]
    pub(crate) const fn of(level: NodeId) -> (Self, u64) {
        (Self(level.0 >> PAGE_SHIFT), level.0 as u64 & (PAGE_TICKS - 1))
    }

    /// The level of a key whose page this is.
    #[inline(always)]
    pub(crate) const fn level(self, key: u64) -> NodeId {
        NodeId(self.0 << PAGE_SHIFT | (key & (PAGE_TICKS - 1)) as u32)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Which of its prices have orders.
    pub(crate) bits: u64,
    /// The keys of its prices, shifted by [`PAGE_SHIFT`].
    pub(crate) key: u64,
}

pub(crate) struct Links {
    nodes: Table<Node>,
    pages: Table<Page>,
    free_pages: Vec<PageId>,
}

impl Links {
    /// Links for so many orders, fixed sentinels and pages.
    pub(crate) fn new(order_count_max: u32, fixed_count: u32, page_count_max: u32) -> Self {
        let first_page = Self::first_page(order_count_max, fixed_count).0;
        let page_end = u64::from(first_page) + u64::from(page_count_max);
        let node_count_max = page_end * PAGE_TICKS;
        assert!(node_count_max < u64::from(u32::MAX), "nodes are addressed by u32");
        let mut nodes = Table::with_capacity(node_count_max as usize);
        // Slots are free, each leads to the next one.
        let free =
            |slot: u32| if slot + 1 == order_count_max { NodeId::NIL } else { NodeId(slot + 1) };
        let nodes_of_slots =
            (0..order_count_max).map(|slot| Node { next: free(slot), prev: NodeId::NIL, qty: 0 });
        nodes_of_slots.for_each(|node| nodes.push(node));
        (order_count_max..first_page << PAGE_SHIFT).for_each(|at| nodes.push(empty_queue(at)));
        // Those in front of the first page are never used: 16 bytes for 64 orders.
        let mut pages = Table::with_capacity(page_end as usize);
        (0..first_page).for_each(|_| pages.push(Page { bits: 0, key: 0 }));
        let free_pages = Vec::with_capacity(page_count_max as usize);
        let mut links = Self { nodes, pages, free_pages };
        let first: Vec<PageId> =
            (0..page_count_max.min(PAGES_AT_START)).map(|_| links.take_page(0)).collect();
        first.into_iter().rev().for_each(|page| links.free_page(page));
        links
    }

    /// The first page of so many orders and fixed sentinels.
    pub(crate) const fn first_page(order_count_max: u32, fixed_count: u32) -> PageId {
        let node_count = order_count_max + fixed_count;
        PageId(if node_count == 0 { 1 } else { node_count.div_ceil(PAGE_TICKS as u32) })
    }

    #[inline(always)]
    pub(crate) fn page(&self, page: PageId) -> &Page {
        &self.pages[page.0]
    }

    #[inline(always)]
    pub(crate) fn page_mut(&mut self, page: PageId) -> &mut Page {
        &mut self.pages[page.0]
    }

    /// An empty page for those prices.
    pub(crate) fn take_page(&mut self, key: u64) -> PageId {
        if let Some(page) = self.free_pages.pop() {
            *self.page_mut(page) = Page { bits: 0, key };
            return page;
        }
        let page = PageId(self.pages.len() as u32);
        let first = page.level(0).0;
        self.pages.push(Page { bits: 0, key });
        (first..first + PAGE_TICKS as u32).for_each(|at| self.nodes.push(empty_queue(at)));
        page
    }

    /// Gives a page back that has no orders, and so empty queues.
    pub(crate) fn free_page(&mut self, page: PageId) {
        debug_assert_eq!(self.page(page).bits, 0, "a page with orders");
        self.free_pages.push(page);
    }

    /// See [`Table::prefetch`].
    #[inline(always)]
    pub(crate) fn prefetch(&self, node: NodeId) {
        self.nodes.prefetch(node.0);
    }

    /// Makes a node the only one of a queue, whatever is written there.
    #[inline(always)]
    pub(crate) fn start(&mut self, queue: NodeId, node: NodeId, qty: u64) {
        let mut nodes = self.nodes.as_mut();
        nodes[queue.0] = Node { next: node, prev: node, qty };
        nodes[node.0] = Node { next: queue, prev: queue, qty };
    }

    /// Appends a node to a queue.
    #[inline(always)]
    pub(crate) fn append(&mut self, queue: NodeId, node: NodeId, qty: u64) {
        let mut nodes = self.nodes.as_mut();
        let sentinel = &mut nodes[queue.0];
        let last = sentinel.prev;
        sentinel.prev = node;
        // See [`Node::qty`].
        sentinel.qty = sentinel.qty.wrapping_add(qty);
        nodes[last.0].next = node;
        nodes[node.0] = Node { next: queue, prev: last, qty };
    }

    /// True for the only node of a queue.
    #[inline(always)]
    pub(crate) fn is_alone(&self, node: NodeId) -> bool {
        // Both are the sentinel.
        self[node].next == self[node].prev
    }

    /// Takes a node out of its queue.
    #[inline(always)]
    pub(crate) fn remove(&mut self, queue: NodeId, node: NodeId) {
        let mut nodes = self.nodes.as_mut();
        let Node { next, prev, qty } = nodes[node.0];
        nodes[prev.0].next = next;
        nodes[next.0].prev = prev;
        // Added when it came.
        nodes[queue.0].qty = nodes[queue.0].qty.wrapping_sub(qty);
        debug_assert!(next != prev || next == queue, "both are the sentinel");
    }

    /// The first node of a queue.
    #[inline(always)]
    pub(crate) fn first(&self, queue: NodeId) -> Option<NodeId> {
        let first = self[queue].next;
        (first != queue).then_some(first)
    }

    /// The node after one in its queue.
    pub(crate) fn after(&self, queue: NodeId, node: NodeId) -> Option<NodeId> {
        let next = self[node].next;
        (next != queue).then_some(next)
    }

    /// The nodes of a queue, first to last.
    pub(crate) fn queue(&self, queue: NodeId) -> impl Iterator<Item = NodeId> {
        core::iter::successors(self.first(queue), move |&node| self.after(queue, node))
    }
}

fn empty_queue(at: u32) -> Node {
    Node { next: NodeId(at), prev: NodeId(at), qty: 0 }
}

impl Index<NodeId> for Links {
    type Output = Node;
    #[inline(always)]
    fn index(&self, node: NodeId) -> &Node {
        &self.nodes[node.0]
    }
}

impl IndexMut<NodeId> for Links {
    #[inline(always)]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0]
    }
}
