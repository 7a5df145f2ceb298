public import ResilienceCore

/// What happens to refreshes in the background.
public enum StaleWhileRevalidateEventKind: PolicyEventKind {
    /// A refresh has brought a new value.
    case refreshed(after: Duration)
    /// A refresh has brought a value that was not kept: meanwhile its key was forgotten or dropped, or a call that
    /// began later had brought another.
    case refreshDiscarded(after: Duration)
    /// A refresh has failed; the old value stays.
    case refreshFailed(after: Duration, error: any Error)
    /// A refresh was due but not begun: as many run as may, or it was shut down.
    case refreshRefused

    /// Info for a refresh that failed or was not begun; otherwise debug.
    public var label: (name: String, severity: EventSeverity) {
        switch self {
        case .refreshed: ("stale_while_revalidate.refreshed", .debug)
        case .refreshDiscarded: ("stale_while_revalidate.refresh_discarded", .debug)
        case .refreshFailed: ("stale_while_revalidate.refresh_failed", .info)
        case .refreshRefused: ("stale_while_revalidate.refresh_refused", .info)
        }
    }

    /// A sentence for logs.
    public func description(of source: String) -> String {
        switch self {
        case .refreshed(let time): "\"\(source)\" refreshed a value in \(time.sentenceForm)"
        case .refreshDiscarded(let time):
            "\"\(source)\" refreshed a value in \(time.sentenceForm) that is not needed any more"
        case .refreshFailed(let time, let error):
            "\"\(source)\" failed to refresh a value, after \(time.sentenceForm): \(error)"
        case .refreshRefused: "\"\(source)\" has a stale value and may not begin a refresh"
        }
    }
}

/// Something that happened to refreshes in the background.
public typealias StaleWhileRevalidateEvent = SourcedEvent<StaleWhileRevalidateEventKind>

extension StaleWhileRevalidateEventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .refreshed(let time), .refreshDiscarded(let time): details.add(seconds: "duration", time)
        case .refreshFailed(let time, let error):
            details.add(seconds: "duration", time)
            details.add(error)
        case .refreshRefused: break
        }
    }
}

/// What a ``KeyedStaleWhileRevalidate`` has seen in its life. Each number only grows.
public struct StaleWhileRevalidateTotals: Sendable, Hashable, Codable {
    /// Calls that a fresh value answered.
    public internal(set) var fresh = 0
    /// Calls that a stale value answered.
    public internal(set) var stale = 0
    /// Calls that were made, and returned a value that was accepted.
    public internal(set) var loaded = 0
    /// Calls that waited for one that another caller had begun, and got what it brought: a value or an error.
    public internal(set) var joined = 0
    /// Calls that were made and failed, or returned a value that was not accepted.
    public internal(set) var failed = 0
    /// Calls that the caller cancelled.
    public internal(set) var cancelled = 0
    /// Refreshes that brought a new value which was kept.
    public internal(set) var refreshed = 0
    /// Refreshes that failed, or brought a value that was not accepted.
    public internal(set) var refreshesFailed = 0
    /// Refreshes whose value was not kept: meanwhile its key was forgotten or dropped, or a call that began later had
    /// brought another.
    public internal(set) var refreshesDiscarded = 0
    /// Refreshes that were cancelled by a shutdown.
    public internal(set) var refreshesCancelled = 0
    /// Refreshes that were due but not begun: as many ran as may, or it was shut down.
    public internal(set) var refreshesRefused = 0

    /// Every call.
    public var calls: Int { [fresh, stale, loaded, joined, failed, cancelled].reduce(0) { $0.addingSaturated($1) } }

    @usableFromInline
    mutating func countFresh() { fresh.increment() }

    @usableFromInline
    mutating func countStale() { stale.increment() }
}
