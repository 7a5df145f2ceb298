internal import ResilienceCore

/// What a limiter knows: what has been used, and which calls were promised permits, first come, first served.
///
/// The state `base` holds what has been granted; calls that wait are kept beside it, so that one that gives up leaves
/// no trace and the others move up. `tail` is the base with everything that is promised, from which a new ask is
/// judged.
///
/// Every change begins by bringing the queue up to the present (``advance(to:)``): what has become due since the last
/// time is taken at the moment at which it became due, not at which it was noticed.
struct RateLimiterState {
    /// Permits that were taken.
    struct Grant: Sendable {
        let permits: Int
        let receipt: Int64
        /// Receipts hold within one generation: an update of the rule begins another.
        let generation: UInt64
    }

    enum Decision: Sendable {
        case granted(Grant)
        case queued(Ticket)
        /// Not now: after this time.
        case refused(retryAfter: Int64)
        /// Never, or only after more than the longest wait.
        case never
    }

    private(set) var meter: AnyRateMeter
    private(set) var configuration: RateLimiter.Configuration
    /// That of the configuration, converted once.
    private(set) var maxWait: Int64
    var base: AnyRateMeter.State
    private(set) var queue = TicketQueue()
    /// How many tickets have a task that waits.
    private(set) var waiting = 0

    private var tail: AnyRateMeter.State
    /// Whether `tail` and the moments of all tickets but the first have to be worked out again.
    private var isStale = false
    private var advancedTo: Int64
    private(set) var generation: UInt64 = 0
    private let anchor: Int64

    /// Tickets whose wait has ended, to be told outside the lock.
    private var ended: [Ticket] = []

    init(_ configuration: RateLimiter.Configuration, now: Int64) {
        self.configuration = configuration
        maxWait = configuration.maxWait.saturatedNanoseconds
        anchor = now
        advancedTo = now
        meter = configuration.rule.meter(anchor: now)
        base = meter.unused
        tail = meter.unused
    }

    /// Whether no call waits, and none has to be told that its wait has ended.
    var isQuiet: Bool { queue.isEmpty && ended.isEmpty }

    var isPaced: Bool { if case .paced = meter { true } else { false } }

    // MARK: Time that was read wrongly

    /// A moment after this one that another has read from the clock; `nil` if nothing tells of one.
    func latestMoment(after now: Int64) -> Int64? {
        advancedTo > now ? advancedTo : meter.latestMoment(base, after: now)
    }

    /// Goes back to the present, if the clock is known to have been wrong when it showed a moment.
    mutating func rewind(to now: Int64, if doubted: Int64) {
        guard doubted > now, let latest = latestMoment(after: now), latest >= doubted else { return }
        advancedTo = now
        meter.rewind(&base, to: now)
        for ticket in queue.tickets { ticket.rewind(to: now) }
        isStale = !queue.isEmpty
    }

    // MARK: Asking

    /// Asks for permits.
    ///
    /// - Parameters:
    ///   - maxWait: The longest wait: what would never come sooner is refused for good.
    ///   - latest: The last moment for which permits are of use; not before now.
    mutating func ask(_ permits: Int, now: Int64, maxWait: Int64, latest: Int64) -> Decision {
        let now = advance(to: now)
        guard permits > 0 else { return .granted(Grant(permits: 0, receipt: now, generation: generation)) }
        let answer =
            queue.isEmpty
            ? meter.ask(permits, &base, at: now, maxWait: maxWait) : askBehind(permits, now: now, maxWait: maxWait)
        switch answer {
        case .taken(let receipt):
            return .granted(Grant(permits: permits, receipt: receipt, generation: generation))
        case .never: return .never
        case .beyondTime: return .refused(retryAfter: Int64.max.subtractingSaturated(now))
        case .later(let due, let least):
            guard due <= latest else { return .refused(retryAfter: max(0, due.subtractingSaturated(now) - least)) }
            return .queued(enqueue(permits, now: now, latest: latest, due: due))
        }
    }

    /// What a request gets behind the calls that wait.
    private mutating func askBehind(_ permits: Int, now: Int64, maxWait: Int64) -> RateMeterAnswer {
        guard let least = meter.leastWait(permits), least <= maxWait else { return .never }
        guard let due = due(permits, from: now) else { return .beyondTime }
        return .later(due, least: least)
    }

    private mutating func enqueue(_ permits: Int, now: Int64, latest: Int64, due: Int64) -> Ticket {
        let ticket = Ticket(number: queue.nextNumber, permits: permits, asked: now, latest: latest, due: due)
        if queue.isEmpty { tail = base }
        queue.append(ticket)
        meter.take(permits, &tail, at: due)
        return ticket
    }

    /// When a new ask would get its permits, behind all others; `nil` if no instant can hold it.
    private mutating func due(_ permits: Int, from now: Int64) -> Int64? {
        guard !queue.isEmpty else { return meter.earliest(permits, base, from: now) }
        if isStale { retime() }
        guard let last = queue.last, let due = meter.earliest(permits, tail, from: now) else { return nil }
        return max(last.due, due)
    }

    private mutating func take(_ permits: Int, at moment: Int64) -> Grant {
        Grant(permits: permits, receipt: meter.take(permits, &base, at: moment), generation: generation)
    }

    // MARK: Waiting

    /// Grants what has become due, and returns the present: `now`, or a later moment that another caller has seen.
    @discardableResult
    mutating func advance(to now: Int64) -> Int64 {
        let now = max(now, advancedTo)
        while let first = queue.first {
            if isStale { first.due = max(advancedTo, meter.earliest(first.permits, base, from: first.asked) ?? .max) }
            guard first.due <= now else { break }
            advancedTo = first.due
            first.phase = .granted(take(first.permits, at: first.due))
            queue.removeFirst()
            end(first)
        }
        if queue.isEmpty { isStale = false }
        advancedTo = now
        return now
    }

    private mutating func end(_ ticket: Ticket) {
        if ticket.waiter != nil { waiting -= 1 }
        ended.append(ticket)
    }

    /// Works out for all tickets when they are due. One that has become impossible, or comes too late by that, is
    /// refused.
    private mutating func retime() {
        tail = base
        var earliest = advancedTo
        for ticket in queue.tickets {
            let least = meter.leastWait(ticket.permits)
            let due = least == nil ? nil : meter.earliest(ticket.permits, tail, from: ticket.asked)
            ticket.due = max(earliest, due ?? .max)
            if least != nil, ticket.due <= ticket.latest {
                earliest = ticket.due
                meter.take(ticket.permits, &tail, at: ticket.due)
            } else {
                let rest = ticket.due.subtractingSaturated(advancedTo)
                ticket.phase = .refused(retryAfter: least.map { max(0, rest - $0) })
                queue.remove(ticket)
                end(ticket)
            }
        }
        isStale = false
    }

    /// Lets a task wait for a ticket; `nil` if the wait is over.
    mutating func wait(for ticket: Ticket, now: Int64) -> Waiter<Void>? {
        advance(to: now)
        guard case .queued = ticket.phase else { return nil }
        let waiter = Waiter<Void>()
        ticket.waiter = waiter
        waiting += 1
        return waiter
    }

    /// When a waiting call has to be told, if any waits.
    var nextWake: Int64? { waiting > 0 ? queue.first?.due : nil }

    /// Hands over the tickets whose wait has ended. Apart from ``nextWake``, because the owner takes them before
    /// a change and after it, so that what came before is reported before.
    mutating func takeEnded() -> [Ticket] {
        guard !ended.isEmpty else { return [] }
        defer { ended = [] }
        return ended
    }

    // MARK: Giving back

    /// Gives up a ticket: the others move up.
    ///
    /// - Returns: Whether it was still in the queue. If not, its permits are given back if `grantToo` says so.
    mutating func cancel(_ ticket: Ticket, now: Int64, grantToo: Bool) -> Bool {
        let now = advance(to: now)
        switch ticket.phase {
        case .queued:
            ticket.phase = .cancelled
            if ticket.waiter != nil { waiting -= 1 }
            queue.remove(ticket)
            isStale = !queue.isEmpty
            advance(to: now)
            return true
        case .granted(let grant):
            if grantToo {
                ticket.phase = .cancelled
                giveBack(grant, now: now)
            }
            return false
        case .refused, .cancelled: return false
        }
    }

    /// Takes back permits that were not used.
    mutating func giveBack(_ grant: Grant, now: Int64) {
        let now = advance(to: now)
        guard grant.generation == generation else { return }
        meter.giveBack(grant.permits, &base, receipt: grant.receipt, at: now)
        isStale = !queue.isEmpty
        advance(to: now)
    }

    // MARK: Control

    /// Replaces the configuration: what was used is kept, and every call's moment is worked out again. One
    /// that comes too late by that, or asked for more than there will ever be, is refused.
    mutating func update(_ configuration: RateLimiter.Configuration, now: Int64) {
        let now = advance(to: now)
        self.configuration = configuration
        maxWait = configuration.maxWait.saturatedNanoseconds
        let new = configuration.rule.meter(anchor: anchor)
        guard new != meter else { return }
        base = new.carry(base, from: meter, at: now)
        meter = new
        generation &+= 1
        guard !queue.isEmpty else { return }
        retime()
        advance(to: now)
    }

    /// Takes all permits that are there.
    mutating func drain(now: Int64) -> Int {
        let now = advance(to: now)
        guard queue.isEmpty else { return 0 }
        let permits = meter.available(base, at: now)
        if permits > 0 { meter.take(permits, &base, at: now) }
        return permits
    }

    /// How many permits there are for a request that comes now: none while others wait.
    mutating func available(now: Int64) -> Int {
        let now = advance(to: now)
        return queue.isEmpty ? meter.available(base, at: now) : 0
    }

    /// How long a request for one permit that comes now would wait.
    mutating func nextPermit(now: Int64) -> Int64 {
        let now = advance(to: now)
        return (due(1, from: now) ?? .max).subtractingSaturated(now)
    }

    /// The rest of a ticket's wait: zero if it is over, without end if the ticket was refused.
    mutating func delay(of ticket: Ticket, now: Int64) -> Int64 {
        let now = advance(to: now)
        if isStale { retime() }
        switch ticket.phase {
        case .queued: return ticket.due.subtractingSaturated(now)
        case .granted, .cancelled: return 0
        case .refused: return .max
        }
    }
}
