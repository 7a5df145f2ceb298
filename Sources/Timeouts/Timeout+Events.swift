public import ResilienceCore
internal import Synchronization

extension Timeout {
    /// What happens in a timeout.
    public enum EventKind: PolicyEventKind {
        /// A call reached its limit and has now ended, with an error or too late with a value.
        case exceeded(limit: Duration, duration: Duration, isLateSuccess: Bool)
        /// A call was not begun, because there was no time left.
        case rejected(limit: Duration)
        /// A call was left running: at its limit or, before that, because its caller was cancelled.
        case abandoned(limit: Duration, isCancelledByCaller: Bool)
        /// Work that had been left running has ended.
        case abandonedEnded(duration: Duration)

        /// Info; a warning for work that was left running at its limit.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .exceeded: ("timeout.exceeded", .info)
            case .rejected: ("timeout.rejected", .info)
            case .abandoned(_, let isCancelledByCaller): ("timeout.abandoned", isCancelledByCaller ? .info : .warning)
            case .abandonedEnded: ("timeout.abandoned_ended", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .exceeded(let limit, let duration, let isLateSuccess):
                "timeout \"\(source)\": a call \(isLateSuccess ? "succeeded late" : "failed"), after "
                    + "\(duration.sentenceForm) of \(limit.sentenceForm)"
            case .rejected: "timeout \"\(source)\": no time left to begin a call"
            case .abandoned(_, true):
                "timeout \"\(source)\": left a call running whose caller was cancelled"
            case .abandoned(let limit, false):
                "timeout \"\(source)\": left a call running after \(limit.sentenceForm)"
            case .abandonedEnded(let duration):
                "timeout \"\(source)\": a call that was left running ended after \(duration.sentenceForm)"
            }
        }
    }

    /// Something that happened in a timeout.
    public typealias Event = SourcedEvent<EventKind>

    /// What a timeout has seen in its life. Each number only grows.
    public struct Totals: Sendable, Hashable, Codable {
        /// Calls that returned within the limit.
        public internal(set) var succeeded = 0
        /// Calls that failed without reaching the limit: with an error of their own, or cut off by a deadline around
        /// this one.
        public internal(set) var failed = 0
        /// Calls that ended with an error after the limit.
        public internal(set) var exceeded = 0
        /// Calls that returned a value after the limit: the caller got it, but it came late.
        public internal(set) var late = 0
        /// Calls that the caller cancelled.
        public internal(set) var cancelled = 0
        /// Calls that were not begun, because there was no time left.
        public internal(set) var rejected = 0
        /// Calls that a layer inside rejected, whether or not the limit was reached meanwhile.
        public internal(set) var rejectedInside = 0
        /// Calls without a limit.
        public internal(set) var unlimited = 0

        /// Every call.
        public var calls: Int {
            [succeeded, failed, exceeded, late, cancelled, rejected, rejectedInside, unlimited]
                .reduce(0) { $0.addingSaturated($1) }
        }
    }

    /// The totals while they are counted. Relaxed: each is a sum, and no other memory depends on it.
    final class Counters: Sendable {
        let succeeded = Atomic(0)
        let failed = Atomic(0)
        let exceeded = Atomic(0)
        let late = Atomic(0)
        let cancelled = Atomic(0)
        let rejected = Atomic(0)
        let rejectedInside = Atomic(0)
        let unlimited = Atomic(0)

        var totals: Totals {
            Totals(
                succeeded: succeeded.load(ordering: .relaxed), failed: failed.load(ordering: .relaxed),
                exceeded: exceeded.load(ordering: .relaxed), late: late.load(ordering: .relaxed),
                cancelled: cancelled.load(ordering: .relaxed), rejected: rejected.load(ordering: .relaxed),
                rejectedInside: rejectedInside.load(ordering: .relaxed), unlimited: unlimited.load(ordering: .relaxed))
        }
    }
}

extension Timeout.EventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .exceeded(let limit, let duration, let isLateSuccess):
            details.add(seconds: "limit", limit)
            details.add(seconds: "duration", duration)
            details.add("late_success", isLateSuccess)
        case .rejected(let limit): details.add(seconds: "limit", limit)
        case .abandoned(let limit, let isCancelledByCaller):
            details.add(seconds: "limit", limit)
            details.add("cancelled_by_caller", isCancelledByCaller)
        case .abandonedEnded(let duration): details.add(seconds: "duration", duration)
        }
    }
}
