//! The engine's numbers, each with its unit and why it is what it is.

use std::time::Duration;

/// How the engine works; the defaults suit one machine with an embedded store.
#[derive(Debug, Clone, Copy)]
pub struct EngineConfig {
    /// How long a lease holds unless renewed.
    pub lease: Duration,
    /// How often a sender over shared books gives a sign of life, and looks for what others left.
    pub beat: Duration,
    /// How often every sender looks for chunks that nobody would bring up again.
    pub sweep: Duration,
    /// How long before a lease's end no message end is sent any more.
    pub lease_margin: Duration,
    /// How long the kernel may go on sending what a dead process left behind; part of the wait before a resend.
    pub tcp_user_timeout: Duration,
    /// How long each address of a relay may take to answer a connection.
    pub connect_timeout: Duration,
    /// Mails for which a session holds a permit, the one on the wire included.
    pub permits_ahead: usize,
    /// A reply that takes longer is late: what the session has in hand goes to others, and it takes nothing more.
    pub reply_late: Duration,
    /// Intents in a chunk: what one lease row stands for.
    pub chunk_intents: u32,
    /// Chunks asked for at a time.
    pub chunks_per_lease: u32,
    /// Octets of composed mails that wait for a session, per lane of a relay.
    pub ready_octets_max: u32,
    /// Mails composed as one piece of work.
    pub piece_mails: usize,
    /// Pieces composed at the same time, per release; 0 composes them one by one among the engine's own tasks, without
    /// threads, so that a simulation runs the same each time.
    pub composers: usize,
    /// How long a drain waits for the mails on the wire.
    pub drain_timeout: Duration,
    /// Rings of the journal: sessions at the same time, over all relays.
    pub sessions_max: usize,
}

impl EngineConfig {
    /// The numbers over books that many senders share: what a dead one held goes on after some 8 seconds.
    #[must_use]
    pub fn shared() -> Self {
        let (lease, lease_margin) = (Duration::from_secs(6), Duration::from_millis(1500));
        // A commit takes longer than on a disk of one's own, so each session asks for more permits at a time. Little in
        // line, so that others have their part of a small release.
        let (permits_ahead, chunks_per_lease, ready_octets_max) = (16, 2, 4 << 20);
        Self { lease, lease_margin, permits_ahead, chunks_per_lease, ready_octets_max, ..Self::default() }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            beat: Duration::from_secs(1),
            sweep: Duration::from_secs(30),
            lease_margin: Duration::from_secs(5),
            tcp_user_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(30),
            permits_ahead: 4,
            reply_late: Duration::from_secs(5),
            chunk_intents: 256,
            chunks_per_lease: 4,
            ready_octets_max: 8 << 20,
            piece_mails: 32,
            composers: 2,
            drain_timeout: Duration::from_secs(20),
            sessions_max: 512,
        }
    }
}
