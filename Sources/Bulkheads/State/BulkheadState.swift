internal import ResilienceCore

/// Which calls hold slots and which wait: a pure value that is told the time and returns what to do.
///
/// `Call` stands for a call that waits. What becomes of those is noted in ``takeActions()``, in order.
struct BulkheadState<Call: Sendable>: Sendable {
    typealias Cause = Bulkhead.RejectedError.Cause
    typealias Line = WaitLine<Waiting>

    /// A call in the queue.
    struct Waiting: Sendable {
        let call: Call
        let since: TimeSource.Instant
        /// The call around it that holds a slot, by its number.
        var lender: Int32?
        /// The deadline of the call itself, where the present one only holds while calls run that are not marked.
        var laterDeadline: TimeSource.Instant??
        /// Among the deadlines, if it has one.
        fileprivate(set) var deadline: DeadlineQueue<TimeSource.Instant, Place>.ID?
    }

    /// Where a call waits.
    struct Place: Sendable, Hashable {
        let part: Int
        let id: Line.ID
    }

    /// A call that asks.
    struct Ask: Sendable {
        var part = 0
        var priority = Bulkhead.Priority.normal
        /// The call's own deadline, if it has one.
        var deadline: TimeSource.Instant?
        var mayWait = true
        /// The call around it that holds a slot, by its number.
        var lender: Int32?
    }

    enum Decision: Sendable {
        /// A slot has been taken.
        case admitted
        /// It runs in the slot of the call around it.
        case lent(Int32)
        case waiting(Place, Call)
        case refused(Cause)
    }

    /// What became of a call that waited.
    enum Action: Sendable {
        case granted(Call, part: Int, waited: Duration, inUse: Int)
        case refused(Call, Cause, waited: Duration)
    }

    /// A partition. The first is that of the calls without one; it is all there is where there are no others.
    struct Part: Sendable {
        var name: String
        var share: Double
        /// The slots that its share comes to.
        var guaranteed = 0
        /// Not kept for the first: there it is what the others leave of all that are in use, so that calls which were
        /// let through before there were partitions need not be counted.
        var running = 0
        /// A part that is in the configuration no more: it ends what it has begun.
        var isGone = false
        var line = Line()
    }

    private(set) var configuration: Bulkhead.Configuration
    private(set) var limit: Int
    /// Slots in use. Read from the gate, and written back to it, around every step.
    var inUse = 0
    private(set) var parts: [Part]
    private var partNumbers: [String: Int] = [:]
    private(set) var queued = 0
    private var deadlines = DeadlineQueue<TimeSource.Instant, Place>()
    private var lastSequence: UInt64 = 0
    private var actions: [Action] = []
    /// The calls that are marked, by number.
    private(set) var holders: [Int32: Holder] = [:]
    private var lastHolder: Int32 = 0
    /// Counts how often marking calls began, and holds while it lasts.
    private var lastPeriod: Int32 = 1
    /// The slots of calls from before marking began, and how long others wait at most while there are any.
    private(set) var unmarked = 0
    private var waitForUnmarked = Duration.zero

    private(set) var displaced = 0
    private(set) var timedOut = 0
    private(set) var cancelled = 0
    private(set) var waited = 0
    private(set) var waitingNanoseconds: Int64 = 0

    /// The configuration has been validated.
    init(_ configuration: Bulkhead.Configuration) {
        self.configuration = configuration
        limit = configuration.limit.initial
        parts = [Part(name: "", share: 1)]
        adoptPartitions()
    }

    var isPartitioned: Bool { !configuration.partitions.isEmpty }

    /// The earliest deadline of a call that waits.
    var nextDeadline: TimeSource.Instant? { deadlines.firstDeadline }

    /// The number of a partition by name; of the calls without one, if there is none of that name.
    func part(_ name: String?) -> Int {
        guard let name, let part = partNumbers[name], !parts[part].isGone else { return 0 }
        return part
    }

    /// The slots that a partition's calls hold.
    func inUse(_ part: Int) -> Int {
        part == 0 ? inUse - parts.dropFirst().reduce(0) { $0 + $1.running } : parts[part].running
    }

    /// A partition at one moment.
    struct PartReading: Sendable {
        let name: String
        let inUse: Int
        let guaranteed: Int
        let queued: Int
    }

    /// The partitions of the configuration, by name.
    var partReadings: [PartReading] {
        parts.indices.dropFirst().filter { !parts[$0].isGone }
            .map {
                PartReading(
                    name: parts[$0].name, inUse: parts[$0].running, guaranteed: parts[$0].guaranteed,
                    queued: parts[$0].line.count)
            }
            .sorted { $0.name < $1.name }
    }

    mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    // MARK: Admission

    /// Takes a slot if one is free and no call waits: the part of ``ask(_:now:call:)`` that needs no time.
    mutating func takeFreeSlot(_ part: Int) -> Bool {
        guard queued == 0, isAdmissible(part) else { return false }
        take(part)
        return true
    }

    /// Takes a slot, or a place in the queue.
    mutating func ask(_ ask: Ask, now: TimeSource.Instant, call: () -> Call) -> Decision {
        // Calls that wait come first. What then is free is free for this call: none waits that could have it.
        serve(now: now)
        if isAdmissible(ask.part) {
            take(ask.part)
            return .admitted
        }
        if let lender = ask.lender, lend(lender) { return .lent(lender) }
        guard ask.mayWait, configuration.queue.capacity > 0 else { return .refused(.full) }
        var deadline = ask.deadline
        if let maxWait = configuration.queue.maxWait {
            let end = now.advanced(by: maxWait)
            deadline = deadline.map { min($0, end) } ?? end
        }
        // It may be one that is not marked which this call is within, and which waits for it.
        var laterDeadline: TimeSource.Instant??
        if marksCalls, unmarked > 0, ask.lender == nil {
            laterDeadline = .some(deadline)
            let end = now.advanced(by: waitForUnmarked)
            deadline = deadline.map { min($0, end) } ?? end
        }
        if let deadline, deadline <= now {
            timedOut.increment()
            return .refused(.timedOut)
        }
        if queued >= configuration.queue.capacity {
            guard let place = placeToYield(to: ask) else { return .refused(.full) }
            refuse(place, .displaced, now: now)
        }
        let call = call()
        return .waiting(enqueue(call, ask, deadline, later: laterDeadline, now: now), call)
    }

    /// Gives a slot back.
    ///
    /// - Returns: Whether a call waits, so that ``serve(now:)`` is to be called.
    mutating func giveBack(_ part: Int) -> Bool {
        inUse -= 1
        if part != 0 { parts[part].running -= 1 }
        return queued > 0
    }

    /// Takes a call out of the queue because it was cancelled.
    ///
    /// - Returns: How long it waited; `nil` if it was not there.
    mutating func cancel(_ place: Place, now: TimeSource.Instant) -> Duration? {
        guard let waiting = remove(place) else { return nil }
        cancelled.increment()
        return countWait(waiting, now: now)
    }

    /// Ends the waits that have lasted long enough, then gives free slots to the next calls.
    mutating func serve(now: TimeSource.Instant) {
        endWaits(now: now)
        while queued > 0, inUse < limit, let place = next() {
            guard let waiting = remove(place) else { return }
            take(place.part)
            let waited = countWait(waiting, now: now)
            actions.append(.granted(waiting.call, part: place.part, waited: waited, inUse: inUse))
        }
    }

    /// Ends the waits that have lasted long enough.
    mutating func endWaits(now: TimeSource.Instant) {
        while let place = deadlines.popFirst(dueAt: now) {
            if !mayGoOn(place, now: now) { refuse(place, .timedOut, now: now) }
        }
    }

    /// Lets a call wait as long as it may by itself, if those that are not marked have ended.
    private mutating func mayGoOn(_ place: Place, now: TimeSource.Instant) -> Bool {
        guard unmarked == 0, case .some(let deadline) = parts[place.part].line[place.id]?.laterDeadline else {
            return false
        }
        if let deadline, deadline <= now { return false }
        let id = deadline.map { deadlines.insert(place, at: $0) }
        parts[place.part].line.update(place.id) { waiting in
            waiting.deadline = id
            waiting.laterDeadline = nil
        }
        return true
    }

    /// How long the call has waited that waits longest.
    func oldestWait(now: TimeSource.Instant) -> Duration? {
        parts.flatMap { $0.line.oldest }.map(\.since).min()?.duration(to: now)
    }

    private func isAdmissible(_ part: Int) -> Bool {
        guard inUse < limit else { return false }
        return !isPartitioned || configuration.partitionsBorrow || parts[part].isGone || isBelowShare(part)
    }

    private func isBelowShare(_ part: Int) -> Bool { inUse(part) < parts[part].guaranteed }

    private mutating func take(_ part: Int) {
        inUse += 1
        if part != 0 { parts[part].running += 1 }
    }

    // MARK: The queue

    /// The call that is served next: of the partitions that may have a slot those below their share, then the highest
    /// priority, then the oldest or newest.
    private func next() -> Place? {
        var best: (place: Place, rank: Line.Rank, isBelowShare: Bool)?
        for part in parts.indices where isAdmissible(part) {
            guard let (id, rank) = parts[part].line.first(configuration.queue.order) else { continue }
            let isBelow = isBelowShare(part)
            if let best {
                guard isBelow == best.isBelowShare ? goes(rank, before: best.rank) : isBelow else { continue }
            }
            best = (Place(part: part, id: id), rank, isBelow)
        }
        return best?.place
    }

    func goes(_ rank: Line.Rank, before other: Line.Rank) -> Bool {
        guard rank.priority == other.priority else { return rank.priority > other.priority }
        return configuration.queue.order == .oldestFirst
            ? rank.sequence < other.sequence : rank.sequence > other.sequence
    }

    /// The call that loses its place to one that comes to a full queue: the last of those that it goes before.
    ///
    /// A call within its partition's share goes before all that are beyond theirs, and none beyond its share goes
    /// before one within.
    private func placeToYield(to ask: Ask) -> Place? {
        let isOwed = asked(ask.part) < parts[ask.part].guaranteed
        let beyond = parts.indices.filter { asked($0) > parts[$0].guaranteed }
        if isOwed, let (place, _) = last(of: beyond) { return place }
        let candidates = isOwed ? Array(parts.indices) : parts.indices.filter { beyond.contains($0) || $0 == ask.part }
        guard let (place, rank) = last(of: candidates) else { return nil }
        let newcomer = Line.Rank(priority: ask.priority, sequence: lastSequence &+ 1)
        return goes(newcomer, before: rank) ? place : nil
    }

    /// What a partition has and wants.
    private func asked(_ part: Int) -> Int { inUse(part) + parts[part].line.count }

    private func last(of candidates: [Int]) -> (Place, Line.Rank)? {
        var worst: (Place, Line.Rank)?
        for part in candidates {
            guard let (id, rank) = parts[part].line.last(configuration.queue.order) else { continue }
            if let worst, !goes(worst.1, before: rank) { continue }
            worst = (Place(part: part, id: id), rank)
        }
        return worst
    }

    private mutating func enqueue(
        _ call: Call, _ ask: Ask, _ deadline: TimeSource.Instant?, later: TimeSource.Instant??,
        now: TimeSource.Instant
    ) -> Place {
        lastSequence &+= 1
        queued += 1
        let rank = Line.Rank(priority: ask.priority, sequence: lastSequence)
        let id = parts[ask.part].line.append(
            Waiting(call: call, since: now, lender: ask.lender, laterDeadline: later), rank)
        let place = Place(part: ask.part, id: id)
        if let deadline {
            let deadlineID = deadlines.insert(place, at: deadline)
            parts[ask.part].line.update(id) { $0.deadline = deadlineID }
        }
        return place
    }

    mutating func remove(_ place: Place) -> Waiting? {
        guard let waiting = parts[place.part].line.remove(place.id) else { return nil }
        queued -= 1
        if let deadline = waiting.deadline { deadlines.remove(deadline) }
        return waiting
    }

    private mutating func refuse(_ place: Place, _ cause: Cause, now: TimeSource.Instant) {
        guard let waiting = remove(place) else { return }
        if cause == .timedOut { timedOut.increment() } else { displaced.increment() }
        actions.append(.refused(waiting.call, cause, waited: countWait(waiting, now: now)))
    }

    mutating func countWait(_ waiting: Waiting, now: TimeSource.Instant) -> Duration {
        // Of two threads, the one that read the clock first may come second.
        let length = max(.zero, waiting.since.duration(to: now))
        waited.increment()
        waitingNanoseconds = waitingNanoseconds.addingSaturated(length.saturatedNanoseconds)
        return length
    }

    // MARK: Slots of calls that are marked

    /// A call whose slot those within it may use.
    struct Holder: Sendable, Hashable {
        let claim: BulkheadClaim
        var isLent = false
        /// It ended while its slot was lent: the call that has it gives it back.
        var hasEnded = false
    }

    /// Whether calls are marked: where one waits without end, it may wait for a slot that is held for it.
    var marksCalls: Bool { configuration.queue.capacity > 0 && configuration.queue.maxWait == nil }

    /// The period of marking calls; zero if they are not marked.
    var markPeriod: Int32 { marksCalls ? lastPeriod : 0 }

    /// A call gives its slot back, or is marked from now on.
    mutating func endUnmarked(_ period: Int32) {
        if period != lastPeriod, unmarked > 0 { unmarked -= 1 }
    }

    /// Begins or ends marking calls, when a configuration has taken the place of another.
    private mutating func adoptMarking(_ old: Bulkhead.Queue, wasMarking: Bool) {
        guard marksCalls else { return unmarked = 0 }
        guard !wasMarking else { return }
        // After the largest comes 1: 0 says that calls are not marked.
        lastPeriod = lastPeriod % .max + 1
        let marked = holders.values.count { if case .slot = $0.claim { true } else { false } }
        unmarked = max(0, inUse - marked)
        waitForUnmarked = old.capacity > 0 ? old.maxWait ?? .zero : .seconds(1)
    }

    /// Keeps a claim for a call that is marked, and returns the call's number.
    mutating func hold(_ claim: BulkheadClaim) -> Int32 {
        repeat {
            lastHolder = lastHolder == BulkheadClaim.largestNumber ? 1 : lastHolder + 1
        } while holders[lastHolder] != nil
        holders[lastHolder] = Holder(claim: claim)
        return lastHolder
    }

    /// Lends a call's slot, unless it is lent or the call has ended.
    private mutating func lend(_ number: Int32) -> Bool {
        guard let holder = holders[number], !holder.isLent, !holder.hasEnded else { return false }
        holders[number]?.isLent = true
        return true
    }

    /// Gives back what a call had. Its own slot is free then, unless a call within it still runs there; a slot that
    /// was lent goes to the next of those within the call who wait.
    ///
    /// - Returns: Who that is, how long it has waited, and whose slot it is.
    mutating func giveBack(
        _ claim: BulkheadClaim, now: TimeSource.Instant
    ) -> (call: Call, waited: Duration, lender: Int32)? {
        switch claim {
        case .slot(let part):
            _ = giveBack(part)
            return nil
        case .call(let number):
            guard let holder = holders[number] else { return nil }
            if holder.isLent {
                holders[number]?.hasEnded = true
                return nil
            }
            holders[number] = nil
            return giveBack(holder.claim, now: now)
        case .loan(let number):
            guard let holder = holders[number] else { return nil }
            if holder.hasEnded {
                holders[number] = nil
                return giveBack(holder.claim, now: now)
            }
            if let place = firstBorrower(of: number), let waiting = remove(place) {
                return (waiting.call, countWait(waiting, now: now), number)
            }
            holders[number]?.isLent = false
            return nil
        }
    }

    private func firstBorrower(of number: Int32) -> Place? {
        var best: (Place, Line.Rank)?
        for part in parts.indices {
            let first = parts[part].line.first(configuration.queue.order) { $0.lender == number }
            guard let (id, rank) = first else { continue }
            if let best, !goes(rank, before: best.1) { continue }
            best = (Place(part: part, id: id), rank)
        }
        return best?.0
    }

    // MARK: Changes

    /// Puts another limit in force. No call is served by this; calls that run are let run.
    mutating func setLimit(_ limit: Int) {
        self.limit = limit
        adoptShares()
    }

    /// Replaces the configuration. Calls that run or wait keep their partition; those that wait keep their
    /// place and deadline, also if the queue is now shorter.
    mutating func update(_ configuration: Bulkhead.Configuration, limit: Int) {
        let (queue, wasMarking) = (self.configuration.queue, marksCalls)
        self.configuration = configuration
        self.limit = limit
        adoptMarking(queue, wasMarking: wasMarking)
        adoptPartitions()
    }

    private mutating func adoptPartitions() {
        let shares = configuration.partitions
        for part in parts.indices.dropFirst() {
            parts[part].isGone = shares[parts[part].name] == nil
            parts[part].share = shares[parts[part].name] ?? 0
        }
        for (name, share) in shares.sorted(by: { $0.key < $1.key }) where partNumbers[name] == nil {
            add(name, share)
        }
        parts[0].share = max(0, 1 - shares.values.reduce(0, +))
        adoptShares()
    }

    /// Adds a partition, in the place of one that is gone and idle if there is one: names may change for ever.
    private mutating func add(_ name: String, _ share: Double) {
        let idle = parts.indices.dropFirst().first {
            parts[$0].isGone && parts[$0].running == 0 && parts[$0].line.isEmpty
        }
        if let idle {
            partNumbers[parts[idle].name] = nil
            parts[idle].name = name
            parts[idle].share = share
            parts[idle].isGone = false
        } else {
            parts.append(Part(name: name, share: share))
        }
        partNumbers[name] = idle ?? parts.count - 1
    }

    private mutating func adoptShares() {
        let slots = apportion(limit, by: parts.map(\.share))
        for part in parts.indices { parts[part].guaranteed = slots[part] }
    }
}
