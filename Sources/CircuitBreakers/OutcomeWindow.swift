internal import ResilienceCore

/// How a call ended, as a window keeps it.
struct Mark: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let failure = Mark(rawValue: 1)
    static let slow = Mark(rawValue: 2)
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

        var isEmpty: Bool { self == Bucket() }
    }

    private enum Kind: Equatable {
        case unbounded
        case calls
        case time
    }

    private let kind: Kind
    private(set) var counts = CircuitBreaker.Counts()

    /// The last calls, a ring; `calls` windows only.
    private var marks: [Mark]
    private let size: Int
    private var nextMark = 0

    /// The parts of the window, a ring indexed by part number; `time` windows only.
    private var buckets: [Bucket]
    private let bucketWidth: Int64
    private var origin: TimeSource.Instant
    private var newestBucket: Int64 = 0

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

    /// Counts a call that ended. A call that started in a part of the window that is gone is not counted.
    mutating func record(_ mark: Mark, startedAt start: TimeSource.Instant, now: TimeSource.Instant) {
        switch kind {
        case .unbounded: break
        case .calls:
            if marks.count < size {
                marks.append(mark)
            } else {
                remove(marks[nextMark])
                marks[nextMark] = mark
            }
            nextMark = nextMark + 1 == size ? 0 : nextMark + 1
        case .time:
            guard let slot = slot(startedAt: start, now: now) else { return }
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
    }

    /// Counts a call whose outcome is ignored: it changes no rate and breaks no streak.
    mutating func recordIgnored(startedAt start: TimeSource.Instant, now: TimeSource.Instant) {
        if kind == .time {
            guard let slot = slot(startedAt: start, now: now) else { return }
            buckets[slot].ignored.increment()
        }
        counts.ignored.increment()
    }

    /// Forgets what is older than the window.
    mutating func expire(now: TimeSource.Instant) {
        guard kind == .time else { return }
        let index = bucketIndex(now)
        guard index > newestBucket else { return }
        for step in 1...min(index - newestBucket, Int64(size)) {
            let slot = slot(newestBucket + step)
            let bucket = buckets[slot]
            guard !bucket.isEmpty else { continue }
            counts.successes -= bucket.successes
            counts.failures -= bucket.failures
            counts.slow -= bucket.slow
            counts.ignored -= bucket.ignored
            buckets[slot] = Bucket()
        }
        newestBucket = index
        // A streak can lose calls only if it spans the whole window, and then it is all the calls of its kind.
        counts.consecutiveSuccesses = min(counts.consecutiveSuccesses, counts.successes)
        counts.consecutiveFailures = min(counts.consecutiveFailures, counts.failures)
    }

    private mutating func remove(_ mark: Mark) {
        if mark.contains(.failure) { counts.failures -= 1 } else { counts.successes -= 1 }
        if mark.contains(.slow) { counts.slow -= 1 }
    }

    private func bucketIndex(_ instant: TimeSource.Instant) -> Int64 {
        let age = instant.nanoseconds.subtractingSaturated(origin.nanoseconds)
        let (index, rest) = age.quotientAndRemainder(dividingBy: bucketWidth)
        return rest < 0 ? index - 1 : index
    }

    /// The window may reach back to before its origin: there, part numbers are negative.
    private func slot(_ index: Int64) -> Int {
        let slot = Int(index % Int64(size))
        return slot < 0 ? slot + size : slot
    }

    private mutating func slot(startedAt start: TimeSource.Instant, now: TimeSource.Instant) -> Int? {
        expire(now: now)
        let index = min(bucketIndex(start), newestBucket)
        return index > newestBucket - Int64(size) ? slot(index) : nil
    }
}

// MARK: - Moving outcomes from one window to another

extension OutcomeWindow {
    /// What a window holds, told without reference to a clock's origin.
    struct Contents: Sendable, Hashable {
        struct AgedBucket: Sendable, Hashable {
            /// The time from the start of the part until now.
            var age: Duration
            var bucket: Bucket
        }

        var counts = CircuitBreaker.Counts()
        /// The calls of a `calls` window, oldest first.
        var marks: [Mark] = []
        /// The parts of a `time` window that hold something, oldest first.
        var buckets: [AgedBucket] = []
    }

    func contents(now: TimeSource.Instant) -> Contents {
        var contents = Contents(counts: counts)
        switch kind {
        case .unbounded: break
        case .calls:
            contents.marks = marks.count < size ? marks : Array(marks[nextMark...] + marks[..<nextMark])
        case .time:
            for index in (newestBucket - Int64(size) + 1)...newestBucket where !buckets[slot(index)].isEmpty {
                let start = TimeSource.Instant(
                    nanoseconds: origin.nanoseconds.addingSaturated(index.multipliedSaturated(by: bucketWidth)))
                contents.buckets.append(.init(age: start.duration(to: now), bucket: buckets[slot(index)]))
            }
        }
        return contents
    }

    /// Takes over what another window held, as far as it fits: the latest calls, the parts that are young enough. Where
    /// the other window was of another kind, its calls are spread evenly, so that the rates stay. This window is new.
    mutating func adopt(_ contents: Contents, now: TimeSource.Instant) {
        switch kind {
        case .unbounded:
            counts.add(Bucket(contents.counts))
        case .calls:
            let marks = contents.marks.isEmpty ? Self.spread(contents.counts, over: size) : contents.marks
            for mark in marks.suffix(size) { record(mark, startedAt: now, now: now) }
            counts.ignored = contents.counts.ignored
        case .time:
            let parts =
                contents.buckets.isEmpty
                ? [.init(age: .zero, bucket: Bucket(contents.counts))] : contents.buckets
            // Where parts are of the same length, they go on to end when they would have ended.
            let elapsed = (parts.last?.age ?? .zero).saturatedNanoseconds % bucketWidth
            origin = now.advanced(by: .nanoseconds(-elapsed))
            for part in parts {
                let start = now.nanoseconds.subtractingSaturated(part.age.saturatedNanoseconds)
                guard let slot = slot(startedAt: .init(nanoseconds: start), now: now) else { continue }
                buckets[slot].add(part.bucket)
                counts.add(part.bucket)
            }
        }
        // A streak may be longer than a window of calls, but not than one of time.
        let isBounded = kind == .time
        counts.consecutiveSuccesses = min(
            contents.counts.consecutiveSuccesses, isBounded ? counts.successes : .max)
        counts.consecutiveFailures = min(contents.counts.consecutiveFailures, isBounded ? counts.failures : .max)
    }

    private static func spread(_ counts: CircuitBreaker.Counts, over size: Int) -> [Mark] {
        let calls = counts.calls
        guard calls > 0 else { return [] }
        let number = min(calls, size)
        // Steps of share/calls, in whole numbers; a mark wherever the sum, rounded, grows.
        func isHit(_ rest: inout Int, _ share: Int) -> Bool {
            rest += share
            guard rest >= calls else { return false }
            rest -= calls
            return true
        }
        var (failureRest, slowRest) = (calls / 2, calls / 2)
        return (0..<number).map { _ in
            var mark: Mark = []
            if isHit(&failureRest, counts.failures) { mark.insert(.failure) }
            if isHit(&slowRest, counts.slow) { mark.insert(.slow) }
            return mark
        }
    }
}

extension OutcomeWindow.Bucket {
    init(_ counts: CircuitBreaker.Counts) {
        self.init(
            successes: counts.successes, failures: counts.failures, slow: counts.slow, ignored: counts.ignored)
    }

    mutating func add(_ other: Self) {
        successes = successes.addingSaturated(other.successes)
        failures = failures.addingSaturated(other.failures)
        slow = slow.addingSaturated(other.slow)
        ignored = ignored.addingSaturated(other.ignored)
    }
}

extension CircuitBreaker.Counts {
    mutating func add(_ bucket: OutcomeWindow.Bucket) {
        successes = successes.addingSaturated(bucket.successes)
        failures = failures.addingSaturated(bucket.failures)
        slow = slow.addingSaturated(bucket.slow)
        ignored = ignored.addingSaturated(bucket.ignored)
    }
}

extension Int64 {
    func multipliedSaturated(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
