internal import ResilienceCore

// Moving outcomes from one window to another.
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
        var marks: [CallFlags] = []
        /// How long each of them took, below 0 if that is not known; empty if it is of none.
        var durations: [Int64] = []
        /// The parts of a `time` window that hold something, oldest first.
        var buckets: [AgedBucket] = []
    }

    func contents(now: TimeSource.Instant) -> Contents {
        var contents = Contents(counts: counts)
        switch kind {
        case .unbounded: break
        case .calls:
            contents.marks = inOrder(marks)
            if counts.timed > 0 { contents.durations = inOrder(durations) }
        case .time:
            for index in (newestBucket - Int64(size) + 1)...newestBucket where !buckets[slot(index)].isEmpty {
                let start = TimeSource.Instant(
                    nanoseconds: origin.nanoseconds.addingSaturated(index.multipliedSaturated(by: bucketWidth)))
                contents.buckets.append(.init(age: start.duration(to: now), bucket: buckets[slot(index)]))
            }
        }
        return contents
    }

    private func inOrder<Element>(_ ring: [Element]) -> [Element] {
        ring.count < size ? ring : Array(ring[nextCall...] + ring[..<nextCall])
    }

    /// Takes over what another window held, as far as it fits: the latest calls, the parts that are young enough. Where
    /// the other window was of another kind, its calls are spread evenly, so that the rates stay. This window is new.
    mutating func adopt(_ contents: Contents, now: TimeSource.Instant) {
        switch kind {
        case .unbounded:
            counts.add(Bucket(contents.counts))
        case .calls:
            let (marks, durations) =
                contents.marks.isEmpty
                ? Self.spread(contents.counts, over: size) : (contents.marks, contents.durations)
            for index in marks.indices.suffix(size) {
                let duration = durations.isEmpty || durations[index] < 0 ? nil : durations[index]
                record(marks[index], startedAt: now, taking: duration, now: now)
            }
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
                guard let slot = slotOfPart(startedAt: .init(nanoseconds: start), now: now) else { continue }
                buckets[slot].add(part.bucket)
                counts.add(part.bucket)
            }
        }
        // A row is a row whatever the window.
        counts.consecutiveSuccesses = contents.counts.consecutiveSuccesses
        counts.consecutiveFailures = contents.counts.consecutiveFailures
    }

    /// `nil` if the part is too old for this window.
    private mutating func slotOfPart(startedAt start: TimeSource.Instant, now: TimeSource.Instant) -> Int? {
        expire(now: now)
        let index = min(bucketIndex(start), newestBucket)
        return index > newestBucket - Int64(size) ? slot(index) : nil
    }

    /// Calls in the place of counts alone: failures and slow ones evenly, with the mean of the durations that are
    /// known.
    private static func spread(
        _ counts: CircuitBreaker.Counts, over size: Int
    ) -> (marks: [CallFlags], durations: [Int64]) {
        let calls = counts.calls
        let number = min(calls, size)
        // Steps of share/calls, in whole numbers; a mark wherever the sum, rounded, grows.
        func isHit(_ rest: inout Int, _ share: Int) -> Bool {
            rest += share
            guard rest >= calls else { return false }
            rest -= calls
            return true
        }
        var (failureRest, slowRest) = (calls / 2, calls / 2)
        let marks = (0..<number).map { _ in
            var mark: CallFlags = []
            if isHit(&failureRest, counts.failures) { mark.insert(.failure) }
            if isHit(&slowRest, counts.slow) { mark.insert(.slow) }
            return mark
        }
        guard let mean = counts.meanDuration?.saturatedNanoseconds else { return (marks, []) }
        var durations = [Int64](repeating: -1, count: number)
        let timed = min(number, counts.timed)
        for index in 0..<timed { durations[index] = min(mean, longestCall) }
        // All of them are taken over, and so is all their time.
        if timed == counts.timed {
            durations[0] = min(longestCall, counts.totalNanoseconds - mean * Int64(timed - 1))
        }
        return (marks, durations)
    }
}

extension OutcomeWindow.Bucket {
    init(_ counts: CircuitBreaker.Counts) {
        self.init(
            successes: counts.successes, failures: counts.failures, slow: counts.slow, ignored: counts.ignored,
            timed: counts.timed, nanoseconds: counts.totalNanoseconds)
    }

    mutating func add(_ other: Self) {
        successes = successes.addingSaturated(other.successes)
        failures = failures.addingSaturated(other.failures)
        slow = slow.addingSaturated(other.slow)
        ignored = ignored.addingSaturated(other.ignored)
        timed = timed.addingSaturated(other.timed)
        nanoseconds = nanoseconds.addingSaturated(other.nanoseconds)
    }
}

extension CircuitBreaker.Counts {
    mutating func add(_ bucket: OutcomeWindow.Bucket) {
        successes = successes.addingSaturated(bucket.successes)
        failures = failures.addingSaturated(bucket.failures)
        slow = slow.addingSaturated(bucket.slow)
        ignored = ignored.addingSaturated(bucket.ignored)
        timed = timed.addingSaturated(bucket.timed)
        totalNanoseconds = min(OutcomeWindow.mostTime, totalNanoseconds.addingSaturated(bucket.nanoseconds))
    }
}

extension Int64 {
    func multipliedSaturated(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
