internal import ResilienceCore

/// How a call ended, as a window keeps it.
struct CallFlags: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let failure = CallFlags(rawValue: 1)
    static let slow = CallFlags(rawValue: 2)
}

extension CallFlags {
    init(_ outcome: CircuitBreaker.Outcome, isSlow: Bool) {
        self = outcome == .failure ? .failure : []
        if isSlow { insert(.slow) }
    }
}

/// The outcomes that a trip rule looks at, with running sums: a pure value that is told the time.
///
/// One flat structure for all kinds of window, because changing an enum's payload in place would copy its arrays.
struct OutcomeWindow: Sendable {
    struct Bucket: Sendable, Hashable {
        var successes = 0
        var failures = 0
        var slow = 0
        var ignored = 0
        var timed = 0
        var nanoseconds: Int64 = 0

        var isEmpty: Bool { self == Bucket() }
    }

    /// What a single call may add to the sum of durations: 104 days in nanoseconds, a number that every JSON decoder
    /// keeps.
    static let longestCall: Int64 = 1 << 53
    /// What durations may add up to.
    static let mostTime: Int64 = 1 << 62

    enum Kind: Equatable {
        case unbounded
        case calls
        case time
    }

    let kind: Kind
    var counts = CircuitBreaker.Counts()

    /// The last calls, a ring; `calls` windows only.
    private(set) var marks: [CallFlags]
    /// How long each took, in parallel to `marks`; below 0 where that is not known. Empty until it is known of one.
    var durations: [Int64] = []
    let size: Int
    private(set) var nextCall = 0

    /// The parts of the window, a ring indexed by part number; `time` windows only.
    var buckets: [Bucket]
    let bucketWidth: Int64
    var origin: TimeSource.Instant
    /// Only grows, from zero, so that differences to it do not overflow.
    private(set) var newestBucket: Int64 = 0

    init(_ window: CircuitBreaker.Window, now: TimeSource.Instant) {
        origin = now
        marks = []
        buckets = []
        switch window.kind {
        case .automatic, .unbounded: (kind, size, bucketWidth) = (.unbounded, 0, 1)
        case .calls(let count):
            (kind, size, bucketWidth) = (.calls, count, 1)
            marks.reserveCapacity(count)
        case .time(let duration, let count):
            // Rounded up, so that the window is never shorter than asked for.
            let (width, rest) = duration.saturatedNanoseconds.quotientAndRemainder(dividingBy: Int64(count))
            (kind, size, bucketWidth) = (.time, count, max(1, rest > 0 ? width + 1 : width))
            buckets = Array(repeating: Bucket(), count: count)
        }
    }

    /// Whether the window must be told the time at which calls start and end.
    var needsTime: Bool { kind == .time }

    /// Counts a call that ended.
    ///
    /// - Parameter duration: In nanoseconds; `nil` if the call was not timed.
    mutating func record(
        _ mark: CallFlags, startedAt start: TimeSource.Instant, taking duration: Int64? = nil, now: TimeSource.Instant
    ) {
        let duration = duration.map { min(max(0, $0), Self.longestCall) }
        switch kind {
        case .unbounded: break
        case .calls: place(mark, duration)
        case .time:
            let slot = slot(startedAt: start, now: now)
            if let duration { buckets[slot].addCall(taking: duration) }
            if mark.contains(.failure) {
                buckets[slot].failures.increment()
            } else {
                buckets[slot].successes.increment()
            }
            if mark.contains(.slow) { buckets[slot].slow.increment() }
        }
        if mark.contains(.failure) {
            counts.failures.increment()
            counts.consecutiveFailures.increment()
            counts.consecutiveSuccesses = 0
        } else {
            counts.successes.increment()
            counts.consecutiveSuccesses.increment()
            counts.consecutiveFailures = 0
        }
        if mark.contains(.slow) { counts.slow.increment() }
        if let duration { counts.addCall(taking: duration) }
    }

    /// Counts successes that were neither timed nor slow; not for windows of time.
    mutating func recordSuccesses(_ number: Int) {
        counts.consecutiveSuccesses = counts.consecutiveSuccesses.addingSaturated(number)
        counts.consecutiveFailures = 0
        guard kind == .calls else {
            counts.successes = counts.successes.addingSaturated(number)
            return
        }
        // A full window of nothing but such successes stays as it is.
        if counts.failures == 0, counts.slow == 0, counts.timed == 0, marks.count == size { return }
        // More than the window holds would only push each other out.
        for _ in 0..<min(number, size) {
            place([], nil)
            counts.successes.increment()
        }
    }

    /// Counts successes of calls that were timed and not slow, all of them in the newest part; not for windows of
    /// calls, which know how long each took.
    mutating func recordSuccesses(_ number: Int, taking nanoseconds: Int64) {
        if kind == .time {
            let slot = slot(newestBucket)
            buckets[slot].successes = buckets[slot].successes.addingSaturated(number)
            buckets[slot].add(timed: number, nanoseconds)
        }
        counts.consecutiveSuccesses = counts.consecutiveSuccesses.addingSaturated(number)
        counts.consecutiveFailures = 0
        counts.successes = counts.successes.addingSaturated(number)
        counts.add(timed: number, nanoseconds)
    }

    /// In which moments a call has to start and end to count in the newest part and move nothing out of the window;
    /// `nil` for windows of calls.
    var presentPart: Range<Int64>? {
        switch kind {
        case .calls: return nil
        case .unbounded: return .min..<(.max)
        case .time:
            let start = origin.nanoseconds.addingSaturated(newestBucket.multipliedSaturated(by: bucketWidth))
            return start..<start.addingSaturated(bucketWidth)
        }
    }

    private mutating func place(_ mark: CallFlags, _ duration: Int64?) {
        if duration != nil && durations.isEmpty {
            durations.reserveCapacity(size)
            durations.append(contentsOf: repeatElement(-1, count: marks.count))
        }
        if marks.count < size {
            marks.append(mark)
            if !durations.isEmpty || duration != nil { durations.append(duration ?? -1) }
        } else {
            remove(marks[nextCall])
            marks[nextCall] = mark
            if !durations.isEmpty {
                counts.removeCall(taking: durations[nextCall])
                durations[nextCall] = duration ?? -1
            }
        }
        nextCall = nextCall + 1 == size ? 0 : nextCall + 1
    }

    /// Counts a call whose outcome is ignored: it changes no rate and breaks no streak.
    mutating func recordIgnored(startedAt start: TimeSource.Instant, now: TimeSource.Instant) {
        if kind == .time {
            buckets[slot(startedAt: start, now: now)].ignored.increment()
        }
        counts.ignored.increment()
    }

    /// Forgets what is older than the window.
    mutating func expire(now: TimeSource.Instant) {
        guard kind == .time else { return }
        let index = bucketIndex(now)
        guard index > newestBucket else { return index < newestBucket - Int64(size) ? goBack(to: now, index) : () }
        for step in 1...min(index - newestBucket, Int64(size)) {
            let slot = slot(newestBucket + step)
            let bucket = buckets[slot]
            guard !bucket.isEmpty else { continue }
            counts.successes -= bucket.successes
            counts.failures -= bucket.failures
            counts.slow -= bucket.slow
            counts.ignored -= bucket.ignored
            counts.remove(timed: bucket.timed, bucket.nanoseconds)
            buckets[slot] = Bucket()
        }
        newestBucket = index
    }

    /// Follows a clock that was wrong when it led to the newest part, a whole window ahead: the parts go back with it,
    /// to leave when they would have left. Of a call that need not be timed, the moment is not known.
    @inline(never)
    private mutating func goBack(to now: TimeSource.Instant, _ index: Int64) {
        guard now != .unknown else { return }
        let distance = newestBucket.subtractingSaturated(index).multipliedSaturated(by: bucketWidth)
        origin = TimeSource.Instant(nanoseconds: origin.nanoseconds.subtractingSaturated(distance))
    }

    private mutating func remove(_ mark: CallFlags) {
        if mark.contains(.failure) { counts.failures -= 1 } else { counts.successes -= 1 }
        if mark.contains(.slow) { counts.slow -= 1 }
    }

    func bucketIndex(_ instant: TimeSource.Instant) -> Int64 {
        let age = instant.nanoseconds.subtractingSaturated(origin.nanoseconds)
        let (index, rest) = age.quotientAndRemainder(dividingBy: bucketWidth)
        return rest < 0 ? index - 1 : index
    }

    /// The window may reach back to before its origin: there, part numbers are negative.
    func slot(_ index: Int64) -> Int {
        let slot = Int(index % Int64(size))
        return slot < 0 ? slot + size : slot
    }

    /// The part in which a call counts: that in which it started, so that what was learned about the past leaves with
    /// it. But a call that took more than half of the window counts in the part in which it ended, because its result
    /// is news: otherwise it would leave soon after it came, and one that took longer than the window would never be
    /// seen.
    mutating func slot(startedAt start: TimeSource.Instant, now: TimeSource.Instant) -> Int {
        expire(now: now)
        let index = min(bucketIndex(start), newestBucket)
        return slot(newestBucket.subtractingSaturated(index) > Int64(size / 2) ? newestBucket : index)
    }
}

extension TimeSource.Instant {
    /// The moment of what need not be timed.
    static let unknown = TimeSource.Instant(nanoseconds: .min)
}

extension OutcomeWindow.Bucket {
    fileprivate mutating func addCall(taking nanoseconds: Int64) { add(timed: 1, nanoseconds) }

    fileprivate mutating func add(timed number: Int, _ nanoseconds: Int64) {
        timed = timed.addingSaturated(number)
        self.nanoseconds = min(OutcomeWindow.mostTime, self.nanoseconds.addingSaturated(nanoseconds))
    }
}

extension CircuitBreaker.Counts {
    fileprivate mutating func addCall(taking nanoseconds: Int64) { add(timed: 1, nanoseconds) }

    fileprivate mutating func add(timed number: Int, _ nanoseconds: Int64) {
        timed = timed.addingSaturated(number)
        totalNanoseconds = min(OutcomeWindow.mostTime, totalNanoseconds.addingSaturated(nanoseconds))
    }

    /// A duration below 0 is not known, and was not added.
    fileprivate mutating func removeCall(taking nanoseconds: Int64) {
        if nanoseconds >= 0 { remove(timed: 1, nanoseconds) }
    }

    fileprivate mutating func remove(timed number: Int, _ nanoseconds: Int64) {
        timed -= number
        totalNanoseconds = timed == 0 ? 0 : max(0, totalNanoseconds - nanoseconds)
    }
}
