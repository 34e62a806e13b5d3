//! Where people walk: points joined by straight corridors. A corridor is wide enough for avoiding each other and never
//! touches a building.

use glam::Vec2;

use super::signal::Axis;

/// What must be waited for before a corridor is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing.
    Open,
    /// The walking phase of an axis.
    Signal(Axis),
    /// A gap in the traffic.
    Gap,
}

/// A straight piece of somebody's way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg {
    pub(super) from: Vec2,
    pub(super) to: Vec2,
    /// How far to its sides one may go, metres.
    pub(super) half_m: f32,
    pub(super) gate: Gate,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    ends: [usize; 2],
    half_m: f32,
    gate: Gate,
}

/// All corridors.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) nodes: Vec<Vec2>,
    edges: Vec<Edge>,
    /// `next[from * nodes + to]` is the edge to take; `usize::MAX` where there is none.
    next: Vec<usize>,
    length_m: Vec<f32>,
}

impl Net {
    /// The node at a place, made if there is none.
    pub(super) fn node(&mut self, at: Vec2) -> usize {
        self.nodes.iter().position(|node| node.distance(at) < 0.3).unwrap_or_else(|| {
            self.nodes.push(at);
            self.nodes.len() - 1
        })
    }

    /// Corridors along a line of points.
    pub(super) fn line(&mut self, points: &[Vec2], half_m: f32, gate: Gate) {
        for pair in points.windows(2) {
            let ends = [self.node(pair[0]), self.node(pair[1])];
            self.edges.push(Edge { ends, half_m, gate });
        }
    }

    /// The corridors, as legs.
    pub(super) fn legs(&self) -> impl Iterator<Item = Leg> {
        self.edges.iter().map(|edge| self.leg(edge, edge.ends[0]))
    }

    /// Finds the shortest way between all nodes (Floyd and Warshall); to be called when all lines are there.
    pub(super) fn finish(&mut self) {
        let n = self.nodes.len();
        self.next = vec![usize::MAX; n * n];
        self.length_m = vec![f32::INFINITY; n * n];
        for node in 0..n {
            self.length_m[node * n + node] = 0.0;
        }
        for (index, edge) in self.edges.iter().enumerate() {
            let [a, b] = edge.ends;
            // Waiting at a light costs about as much as walking so far.
            let wait_m = if edge.gate == Gate::Open { 0.0 } else { 20.0 };
            let length = self.nodes[a].distance(self.nodes[b]) + wait_m;
            for (from, to) in [(a, b), (b, a)] {
                if length < self.length_m[from * n + to] {
                    self.length_m[from * n + to] = length;
                    self.next[from * n + to] = index;
                }
            }
        }
        for via in 0..n {
            for from in 0..n {
                let to_via = self.length_m[from * n + via];
                if to_via.is_infinite() {
                    continue;
                }
                for to in 0..n {
                    let length = to_via + self.length_m[via * n + to];
                    if length < self.length_m[from * n + to] {
                        self.length_m[from * n + to] = length;
                        self.next[from * n + to] = self.next[from * n + via];
                    }
                }
            }
        }
    }

    /// The legs from one node to another; empty where there is no way.
    pub(super) fn path(&self, from: usize, to: usize) -> Vec<Leg> {
        let n = self.nodes.len();
        let mut legs = Vec::new();
        let mut at = from;
        while at != to && legs.len() < n {
            let Some(edge) = self.edges.get(self.next[at * n + to]) else { return Vec::new() };
            legs.push(self.leg(edge, at));
            at = if edge.ends[0] == at { edge.ends[1] } else { edge.ends[0] };
        }
        legs
    }

    pub(super) fn distance_m(&self, from: usize, to: usize) -> f32 {
        self.length_m[from * self.nodes.len() + to]
    }

    /// The node nearest to a point.
    pub(super) fn nearest(&self, at: Vec2) -> usize {
        let distance = |index: &usize| self.nodes[*index].distance_squared(at);
        (0..self.nodes.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    }

    fn leg(&self, edge: &Edge, from: usize) -> Leg {
        let to = if edge.ends[0] == from { edge.ends[1] } else { edge.ends[0] };
        Leg { from: self.nodes[from], to: self.nodes[to], half_m: edge.half_m, gate: edge.gate }
    }
}
