public import ResilienceCore
internal import Synchronization

extension Timeout {
    /// What happens in a timeout.
    public enum Event: PolicyEvent {
        /// A call reached its limit and has now ended, with an error or too late with a value.
        case exceeded(timeout: String, limit: Duration, duration: Duration, isLateSuccess: Bool)
        /// A call was not begun, because there was no time left.
        case refused(timeout: String, limit: Duration)
        /// A call was left running: at its limit or, before that, because its caller was cancelled.
        case abandoned(timeout: String, limit: Duration, isCancelledByCaller: Bool)
        /// Work that had been left running has ended.
        case abandonedEnded(timeout: String, duration: Duration)

        /// The timeout's name.
        public var source: String {
            switch self {
            case .exceeded(let timeout, _, _, _), .refused(let timeout, _), .abandoned(let timeout, _, _),
                .abandonedEnded(let timeout, _):
                timeout
            }
        }

        /// `timeout.` and the case.
        public var name: String {
            switch self {
            case .exceeded: "timeout.exceeded"
            case .refused: "timeout.refused"
            case .abandoned: "timeout.abandoned"
            case .abandonedEnded: "timeout.abandoned_ended"
            }
        }

        /// Info; a warning for work that was left running at its limit.
        public var severity: EventSeverity {
            if case .abandoned(_, _, isCancelledByCaller: false) = self { .warning } else { .info }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .exceeded(let timeout, let limit, let duration, let isLateSuccess):
                "timeout \"\(timeout)\": a call \(isLateSuccess ? "succeeded late" : "failed"), after "
                    + "\(duration.sentenceForm) of \(limit.sentenceForm)"
            case .refused(let timeout, _): "timeout \"\(timeout)\": no time left to begin a call"
            case .abandoned(let timeout, _, true):
                "timeout \"\(timeout)\": left a call running whose caller was cancelled"
            case .abandoned(let timeout, let limit, false):
                "timeout \"\(timeout)\": left a call running after \(limit.sentenceForm)"
            case .abandonedEnded(let timeout, let duration):
                "timeout \"\(timeout)\": a call that was left running ended after \(duration.sentenceForm)"
            }
        }
    }

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
        public internal(set) var refused = 0
        /// Calls that a layer inside refused, whether or not the limit was reached meanwhile.
        public internal(set) var rejected = 0
        /// Calls without a limit.
        public internal(set) var unlimited = 0

        /// Every call.
        public var asks: Int {
            [succeeded, failed, exceeded, late, cancelled, refused, rejected, unlimited]
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
        let refused = Atomic(0)
        let rejected = Atomic(0)
        let unlimited = Atomic(0)

        var totals: Totals {
            Totals(
                succeeded: succeeded.load(ordering: .relaxed), failed: failed.load(ordering: .relaxed),
                exceeded: exceeded.load(ordering: .relaxed), late: late.load(ordering: .relaxed),
                cancelled: cancelled.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed),
                rejected: rejected.load(ordering: .relaxed), unlimited: unlimited.load(ordering: .relaxed))
        }
    }
}
