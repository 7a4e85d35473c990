//! What the roles hold: a node's transport, and its publications and subscriptions.

use vesta_transport::{
    Duty, Flow, Input, OfferError, Publication, StreamId, Subscription, Transport, TransportError,
};
use vesta_types::StreamPosition;

use crate::SimNetwork;
use crate::fabric::{NodeId, ReceiverId, SenderId};

/// One node's transport. Dropping it kills the node.
#[derive(Debug)]
pub struct SimTransport {
    network: SimNetwork,
    node: NodeId,
}

impl SimTransport {
    pub(crate) fn new(network: SimNetwork, node: NodeId) -> Self {
        Self { network, node }
    }

    /// Which node it is, to kill it or cut it off.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }
}

impl Drop for SimTransport {
    fn drop(&mut self) {
        self.network.kill(self.node);
    }
}

impl Duty for SimTransport {
    fn do_work(&mut self) -> Result<usize, TransportError> {
        self.network.state.borrow_mut().do_work(self.node)
    }
}

impl Transport for SimTransport {
    type Publication = SimPublication;
    type Subscription = SimSubscription;

    fn add_publication(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<SimPublication, TransportError> {
        let id = self.network.state.borrow_mut().add_sender(self.node, channel, stream);
        Ok(SimPublication { network: self.network.clone(), id })
    }

    fn add_subscription(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<SimSubscription, TransportError> {
        let id = self.network.state.borrow_mut().add_receiver(self.node, channel, stream);
        Ok(SimSubscription { network: self.network.clone(), id })
    }
}

/// The writing end of a simulated stream.
#[derive(Debug)]
pub struct SimPublication {
    network: SimNetwork,
    id: SenderId,
}

impl Publication for SimPublication {
    fn offer(&mut self, message: &[u8]) -> Result<StreamPosition, OfferError> {
        match self.network.state.borrow_mut().sender(self.id) {
            Some((sender, fabric)) => sender.offer(message, fabric),
            None => Err(OfferError::Closed),
        }
    }

    fn is_connected(&self) -> bool {
        self.reader_count() > 0
    }

    fn reader_count(&self) -> usize {
        let mut state = self.network.state.borrow_mut();
        state.sender(self.id).map_or(0, |(sender, _)| sender.reader_count())
    }

    fn message_len_max(&self) -> usize {
        self.network.state.borrow().fabric.config.message_len_max
    }

    fn fragment_len_max(&self) -> usize {
        self.network.state.borrow().fabric.config.fragment_len_max
    }
}

impl Drop for SimPublication {
    fn drop(&mut self) {
        if let Some((sender, fabric)) = self.network.state.borrow_mut().sender(self.id) {
            sender.close(fabric.now_ns());
        }
    }
}

/// The reading end of a simulated stream.
#[derive(Debug)]
pub struct SimSubscription {
    network: SimNetwork,
    id: ReceiverId,
}

impl Subscription for SimSubscription {
    fn poll(&mut self, limit: usize, handler: &mut dyn FnMut(Input<'_>) -> Flow) -> usize {
        // The network is not borrowed while the handler runs: it may offer on another stream.
        let senders = match self.network.state.borrow_mut().receiver(self.id) {
            Some(receiver) if limit > 0 => receiver.begin_poll(),
            _ => return 0,
        };
        let mut taken = 0;
        for sender in senders {
            while taken < limit {
                let ready = {
                    let mut state = self.network.state.borrow_mut();
                    state.receiver(self.id).and_then(|receiver| receiver.ready(sender))
                };
                let Some(ready) = ready else { break };
                if handler(ready.input()) == Flow::Retry {
                    return taken;
                }
                taken += 1;
                if let Some(receiver) = self.network.state.borrow_mut().receiver(self.id) {
                    receiver.take(sender);
                }
            }
        }
        taken
    }
}

impl Drop for SimSubscription {
    fn drop(&mut self) {
        if let Some(receiver) = self.network.state.borrow_mut().receiver(self.id) {
            receiver.is_closed = true;
        }
    }
}
