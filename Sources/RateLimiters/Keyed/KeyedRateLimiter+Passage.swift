public import ResilienceCore

/// The synchronous way through a keyed limiter for one key: in if there is a permit. A call that has to wait keeps its
/// place in the queue, and waits there when it is resumed.
extension KeyedRateLimiter.Single {
    /// The ticket of a call that has to wait, owned by the passage until it is resumed.
    @usableFromInline
    struct HeldTicket: BitwiseCopyable {
        let ticket: Unmanaged<Ticket>
        let generation: UInt64

        @usableFromInline
        init(_ queued: KeyedShared.QueuedTicket) {
            ticket = .passRetained(queued.ticket)
            generation = queued.generation
        }

        @usableFromInline
        consuming func takeQueued() -> KeyedShared.QueuedTicket {
            KeyedShared.QueuedTicket(ticket: ticket.takeRetainedValue(), generation: generation)
        }
    }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 16 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    @inlinable
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let now = limiter.shared.time.now
        let reply = limiter.ask(key, 1, now: now, maxWait: nil, deadline: limiter.shared.outerDeadline(now))
        if let reply, case .granted = reply.decision { return 1 }
        do {
            guard let queued = try limiter.shared.queued(reply, 1) else { return 1 }
            passage.store(HeldTicket(queued), at: offset)
        } catch {
            refusal = error
        }
        return 0
    }

    /// Goes on with a call, nested.
    @_documentation(visibility: internal)
    @inlinable
    public nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await limiter.wait(for: passage.load(HeldTicket.self, at: offset).takeQueued(), key)
        try await next(context)
    }
}
