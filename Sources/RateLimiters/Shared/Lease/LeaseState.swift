internal import ResilienceCore

/// A node's part in a shared quota: the permits it has leased, the calls that wait for some, and when to ask the store
/// for more.
///
/// A pure value that is told the time, in nanoseconds. It decides by four rules:
///
/// - Permits that were granted may be used until the lease has passed since they were *asked for*, by this node's own
///   clock. The store granted them later than that, so they are used less than a lease after. What all nodes use
///   in a time T was therefore granted within T and one lease before: at most the burst at the store, and what
///   comes in both. The burst at the store is the quota's less what comes in a lease, so that this is at most the
///   quota's burst and what comes in T, in every T, whatever is late, lost, or done twice.
/// - Permits given back are those of which it is certain that they are not used; and if it is not certain that they
///   arrived, they are not given back again.
/// - One request is on its way at a time. It asks for what is waited for, and for what the present rate uses in
///   some 40 ms in addition to two round trips; and goes out when a quarter of that is left.
/// - Nothing is asked for that this node was not asked for: at rest it asks for nothing.
///
/// An update of the rule leaves what is held: the store counts it as used, by whichever rule, and it ends within the
/// lease of the new rule.
struct LeaseState: Sendable {
    struct Batch: Sendable, Equatable {
        var permits: Int
        /// When the lease has passed.
        let end: Int64
        let receipt: PermitReceipt
    }

    enum Refusal: Sendable {
        case limit(retryAfter: Int64)
        case unavailable
        /// More than there ever are at once.
        case never(burst: Int)
    }

    enum Decision: Sendable {
        /// `nil`: without the store.
        case granted(Batch?)
        case queued(LeaseTicket)
        case refused(Refusal)
    }

    var plan: LeasePlan

    /// The batches that permits are taken from, first to last, none of them empty.
    var batches: [Batch] = []
    /// The last batch that has ended with permits left, to be given back.
    private(set) var spent: Batch?
    private(set) var queue: [LeaseTicket] = []
    private(set) var head = 0
    private(set) var waiting = 0
    private var queuedPermits = 0
    /// No ticket is too late before.
    private var earliestLatest = Int64.max
    private var ended: [LeaseTicket] = []

    /// A request that is on its way.
    struct Flight: Sendable {
        let number: Int
        let sent: Int64
        let wanted: Int
        let minimum: Int
        /// For how long its permits may be used.
        var lease: Int64
        /// Whether another rule is in force since it was sent.
        var isOutdated = false
    }

    var flight: Flight?
    private var requests = 0
    private var lastRequest: Int64
    var notBefore = Int64.min
    /// Until when the store has no permit, as far as is known.
    var emptyUntil = Int64.min
    private var roundTrip: Int64 = 0
    /// Permits that the store grants in a second, and when it last answered.
    private var income = 0.0
    private var lastAnswer: Int64
    /// How many permits this node was asked for since the last request, and whether some of them were not there.
    private var arrived = 0
    private var isShort = false
    /// Permits in a second.
    private(set) var rate = 0.0

    private(set) var isAway = false
    var localArrival = Int64.min
    private var localWake: Int64?

    /// Permits since they were last counted.
    struct Counts: Sendable, Equatable {
        var leased = 0
        var returned = 0
        /// Have ended unused.
        var expired = 0
    }

    private var counts = Counts()

    init(_ plan: LeasePlan, now: Int64) {
        self.plan = plan
        (lastRequest, lastAnswer) = (now, now)
    }

    // MARK: Calls

    mutating func ask(_ permits: Int, now: Int64, latest: Int64) -> Decision {
        guard permits > 0 else { return .granted(nil) }
        arrived = arrived.addingSaturated(permits)
        if waiting == 0 {
            if let batch = take(permits, now: now) { return .granted(batch) }
            if let decision = decideAlone(permits, now: now, latest: latest) { return decision }
        }
        guard permits <= plan.storeRule.burst else { return .refused(.never(burst: plan.storeRule.burst)) }
        guard latest > now, latest >= emptyUntil else {
            isShort = true
            return .refused(.limit(retryAfter: hint(now)))
        }
        let ticket = LeaseTicket(permits: permits, asked: now, latest: latest)
        queue.append(ticket)
        waiting += 1
        queuedPermits = queuedPermits.addingSaturated(permits)
        earliestLatest = min(earliestLatest, latest)
        return .queued(ticket)
    }

    /// Gives up a ticket.
    ///
    /// - Parameter grantToo: Whether one that was granted is given up too.
    /// - Returns: Whether it was in the line.
    mutating func cancel(_ ticket: LeaseTicket, now: Int64, grantToo: Bool) -> Bool {
        switch ticket.phase {
        case .queued:
            end(ticket, .cancelled, now: now, tells: false)
            serve(now)
            return true
        case .granted(let batch?) where grantToo: giveBack(batch, ticket.permits, now: now)
        default: break
        }
        return false
    }

    private mutating func giveBack(_ batch: Batch, _ permits: Int, now: Int64) {
        let returned = Batch(
            permits: permits, end: min(batch.end, now.addingSaturated(plan.lease)), receipt: batch.receipt)
        if now < batch.end, !plan.isExact {
            let place = batches.firstIndex { $0.end > returned.end } ?? batches.count
            batches.insert(returned, at: place)
        } else {
            retire(returned)
        }
        serve(now)
    }

    /// How many permits there are for a call that asks now.
    func held(_ now: Int64) -> Int {
        batches.reduce(0) { now < $1.end ? $0.addingSaturated($1.permits) : $0 }
    }

    private func hint(_ now: Int64) -> Int64 {
        emptyUntil > now ? emptyUntil.subtractingSaturated(now) : plan.interval
    }

    /// Takes permits out of the batches.
    ///
    /// - Returns: The batch whose lease ends first of those they come from.
    private mutating func take(_ permits: Int, now: Int64) -> Batch? {
        dropEnded(now)
        guard held(now) >= permits else { return nil }
        var rest = permits
        let first = batches.first
        while rest > 0, let batch = batches.first {
            let taken = min(rest, batch.permits)
            rest -= taken
            batches[0].permits -= taken
            if batches[0].permits == 0 { batches.removeFirst() }
        }
        return first
    }

    private mutating func dropEnded(_ now: Int64) {
        while let batch = batches.first, now >= batch.end || batch.permits <= 0 {
            batches.removeFirst()
            retire(batch)
        }
    }

    private mutating func retire(_ batch: Batch) {
        guard batch.permits > 0 else { return }
        counts.expired = counts.expired.addingSaturated(batch.permits)
        spent = batch
    }

    // MARK: Without the store

    /// `nil` if the store decides.
    private mutating func decideAlone(_ permits: Int, now: Int64, latest: Int64) -> Decision? {
        guard isAway else { return nil }
        switch plan.whenUnavailable {
        case .open: return .granted(nil)
        case .closed: return .refused(.unavailable)
        case .local: break
        }
        guard let local = plan.local, let due = localDue(permits, now) else { return .refused(.unavailable) }
        guard due > now else {
            local.take(permits, &localArrival, at: now)
            return .granted(nil)
        }
        guard latest >= due, latest > now else {
            return .refused(.limit(retryAfter: due.subtractingSaturated(now)))
        }
        let ticket = LeaseTicket(permits: permits, asked: now, latest: latest)
        queue.append(ticket)
        waiting += 1
        queuedPermits = queuedPermits.addingSaturated(permits)
        earliestLatest = min(earliestLatest, latest)
        localWake = due
        return .queued(ticket)
    }

    /// When so many permits are there on this node alone; `nil` if never.
    private func localDue(_ permits: Int, _ now: Int64) -> Int64? {
        guard let local = plan.local, local.leastWait(permits) != nil else { return nil }
        return local.earliest(permits, localArrival, from: now)
    }

    private mutating func setAway(_ isAway: Bool, now: Int64) {
        guard isAway != self.isAway else { return }
        self.isAway = isAway
        localWake = nil
        guard isAway, let local = plan.local else { return }
        localArrival = firstLocalArrival(local, now)
    }

    // MARK: Time

    /// Brings everything up to the present.
    mutating func advance(to now: Int64, isAway: Bool) {
        setAway(isAway, now: now)
        dropEnded(now)
        if waiting > 0 { serve(now) }
    }

    /// Ends the wait of those whose turn has come, or cannot come in time.
    mutating func serve(_ now: Int64) {
        localWake = nil
        while let ticket = first() {
            if let batch = take(ticket.permits, now: now) {
                end(ticket, .granted(batch), now: now)
            } else if isAway {
                guard serveAlone(ticket, now: now) else { break }
            } else if ticket.latest <= now || ticket.latest < emptyUntil {
                end(ticket, .refused(.limit(retryAfter: hint(now))), now: now)
            } else {
                break
            }
        }
        guard now >= earliestLatest else { return }
        earliestLatest = .max
        for ticket in queue[head...] where ticket.isQueued {
            if ticket.latest <= now {
                end(ticket, .refused(.limit(retryAfter: hint(now))), now: now)
            } else {
                earliestLatest = min(earliestLatest, ticket.latest)
            }
        }
    }

    /// Whether the ticket's wait has ended.
    private mutating func serveAlone(_ ticket: LeaseTicket, now: Int64) -> Bool {
        switch plan.whenUnavailable {
        case .open: end(ticket, .granted(nil), now: now)
        case .closed: end(ticket, .refused(.unavailable), now: now)
        case .local:
            guard let local = plan.local, let due = localDue(ticket.permits, now) else {
                end(ticket, .refused(.unavailable), now: now)
                return true
            }
            if due <= now {
                local.take(ticket.permits, &localArrival, at: now)
                end(ticket, .granted(nil), now: now)
            } else if ticket.latest < due {
                end(ticket, .refused(.limit(retryAfter: due.subtractingSaturated(now))), now: now)
            } else {
                localWake = due
                return false
            }
        }
        return true
    }

    private mutating func first() -> LeaseTicket? {
        while head < queue.count, !queue[head].isQueued { head += 1 }
        if head == queue.count || head > 64 && head > queue.count / 2 {
            queue.removeFirst(head)
            head = 0
        }
        return head < queue.count ? queue[head] : nil
    }

    mutating func end(_ ticket: LeaseTicket, _ phase: LeaseTicket.Phase, now: Int64, tells: Bool = true) {
        ticket.phase = phase
        ticket.ended = now
        waiting -= 1
        queuedPermits -= ticket.permits
        if waiting == 0 {
            (queuedPermits, earliestLatest, head) = (0, .max, 0)
            queue.removeAll(keepingCapacity: queue.count <= 64)
        }
        if tells { ended.append(ticket) }
    }

    /// Takes the tickets whose wait has ended.
    mutating func takeEnded() -> [LeaseTicket] {
        defer { if !ended.isEmpty { ended = [] } }
        return ended
    }

    /// When to look again; `nil` if never.
    var nextWake: Int64? {
        var wake = Int64.max
        if waiting > 0 { wake = min(earliestLatest, localWake ?? .max) }
        if flight == nil, !isAway, needsMore { wake = min(wake, notBefore) }
        return wake == .max ? nil : wake
    }

    // MARK: The store

    /// The permits that a batch is to have.
    private var target: Int {
        // Well within the lease, so that little of it ends unused.
        let cover = min(plan.lease / 5 * 3, LeasePlan.cover + 2 * roundTrip)
        return Int(min(rate * Double(cover) / 1e9, Double(LeaseWord.mostPermits)))
    }

    /// With how many permits left more are asked for.
    var low: Int { max(target / 4, min(target, Int(rate * 1.5 * Double(roundTrip) / 1e9))) }

    /// Whether only the store can help, now or soon.
    private var needsMore: Bool {
        // Calls that have waited since before each call asked the store itself.
        if plan.isExact { return waiting > 0 }
        if waiting > 0 || isShort { return true }
        // What is taken in advance has to be used within the lease, most probably.
        guard arrived > 0, rate * Double(plan.lease) >= 4e9 else { return false }
        return batches.reduce(0) { $0.addingSaturated($1.permits) } <= low
    }

    /// What to ask the store for now, if anything. It is on its way then.
    mutating func nextRequest(_ now: Int64) -> (request: PermitRequest, number: Int)? {
        guard flight == nil, !isAway, now >= notBefore, needsMore else { return nil }
        let elapsed = max(now.subtractingSaturated(lastRequest), LeasePlan.memory / 10)
        let weight = min(1, Double(elapsed) / Double(LeasePlan.memory))
        rate += (Double(arrived) * 1e9 / Double(elapsed) - rate) * weight
        lastRequest = now
        let held = held(now)
        let most = min(plan.storeRule.burst, LeaseWord.mostPermits)
        let missing = queuedPermits.addingSaturated(plan.isExact ? 0 : target) - held
        let wanted = min(max(1, missing), most)
        let minimum = min(max(1, (first()?.permits ?? 1) - held), wanted)
        (arrived, isShort) = (0, false)
        requests += 1
        flight = Flight(number: requests, sent: now, wanted: wanted, minimum: minimum, lease: plan.lease)
        let back = spent
        spent = nil
        if let back { counts.returned = counts.returned.addingSaturated(back.permits) }
        return (
            plan.request(wanted: wanted, minimum: minimum, returned: back?.permits ?? 0, receipt: back?.receipt),
            requests
        )
    }

    /// Takes what the store has granted.
    mutating func finish(_ number: Int, _ grant: PermitGrant, now: Int64) {
        guard let flight, flight.number == number else { return late(grant, now: now) }
        self.flight = nil
        let took = max(0, now.subtractingSaturated(flight.sent))
        roundTrip += (took - roundTrip) / 4
        let granted = min(max(0, grant.granted), flight.wanted)
        keep(granted, grant.receipt, until: flight.sent.addingSaturated(flight.lease), now: now)
        let elapsed = max(now.subtractingSaturated(lastAnswer), LeasePlan.shortestGap)
        income += (Double(granted) * 1e9 / Double(elapsed) - income) / 4
        lastAnswer = now
        if granted > 0 {
            emptyUntil = .min
            let gap = granted < flight.wanted ? gapWhenShort : LeasePlan.shortestGap
            notBefore = flight.sent.addingSaturated(gap)
        } else if flight.isOutdated {
            // When permits come by the rule before says nothing about this one.
            notBefore = max(notBefore, flight.sent.addingSaturated(gapWhenShort))
        } else {
            let wait = max(0, (grant.retryAfter ?? .seconds(1)).saturatedNanoseconds)
            emptyUntil = flight.minimum == 1 ? now.addingSaturated(wait) : .min
            notBefore = max(
                flight.sent.addingSaturated(gapWhenShort),
                now.addingSaturated(min(wait, LeasePlan.longestGap)))
            if flight.minimum > 1, let ticket = first(), ticket.latest < now.addingSaturated(wait) {
                end(ticket, .refused(.limit(retryAfter: wait)), now: now)
            }
        }
        serve(now)
        if plan.isExact { retireAll() }
    }

    /// Until the next request when there were too few: the time in which some twenty come to this node. Many nodes,
    /// each with a small part of the quota, ask less often each.
    private var gapWhenShort: Int64 {
        let longest = max(LeasePlan.gapWhenShort, min(plan.lease / 2, LeasePlan.cover))
        let gap = income > 0 ? min(20e9 / income, Double(longest)) : 0
        return max(LeasePlan.gapWhenShort, Int64(gap))
    }

    /// The store has not answered.
    mutating func fail(_ number: Int, now: Int64) {
        guard let flight, flight.number == number else { return }
        self.flight = nil
        notBefore = now.addingSaturated(LeasePlan.gapWhenShort)
        serve(now)
    }

    /// Takes what was granted to a request that had been given up: no call uses it, but it can be given back.
    mutating func late(_ grant: PermitGrant, now: Int64) {
        counts.leased = counts.leased.addingSaturated(max(0, grant.granted))
        retire(Batch(permits: grant.granted, end: now, receipt: grant.receipt))
    }

    private mutating func keep(_ permits: Int, _ receipt: PermitReceipt, until end: Int64, now: Int64) {
        guard permits > 0 else { return }
        counts.leased = counts.leased.addingSaturated(permits)
        let batch = Batch(permits: permits, end: end, receipt: receipt)
        guard now < end else { return retire(batch) }
        batches.insert(batch, at: batches.firstIndex { $0.end > end } ?? batches.count)
    }

    /// Takes everything that is held, to be given back.
    mutating func giveUpAll() -> [PermitRequest] {
        var all = batches
        if let spent { all.append(spent) }
        (batches, spent) = ([], nil)
        return all.filter { $0.permits > 0 }.map { batch in
            counts.returned = counts.returned.addingSaturated(batch.permits)
            return plan.request(wanted: 0, minimum: 0, returned: batch.permits, receipt: batch.receipt)
        }
    }

    private mutating func retireAll() {
        let all = batches
        batches = []
        for batch in all { retire(batch) }
    }

    mutating func takeCounts() -> Counts {
        defer { counts = Counts() }
        return counts
    }

    /// What follows from a change.
    struct Action {
        let request: (request: PermitRequest, number: Int)?
        let counts: Counts
        let ended: [LeaseTicket]
        let wake: Int64?
    }

    /// The request first: it counts what it gives back, and while it is on its way there is none to wake up for.
    mutating func takeAction(_ now: Int64) -> Action {
        let request = nextRequest(now)
        return Action(request: request, counts: takeCounts(), ended: takeEnded(), wake: nextWake)
    }

    // MARK: The word

    /// How many permits of the first batch are left, after some were taken without the lock.
    mutating func setFirst(_ permits: Int) {
        guard !batches.isEmpty else { return }
        arrived = arrived.addingSaturated(batches[0].permits - permits)
        batches[0].permits = permits
        if permits == 0 { batches.removeFirst() }
    }
}
