public import ResilienceCore

/// What happens to refreshes in the background.
public enum StaleWhileRevalidateEventKind: PolicyEventKind {
    /// A refresh has brought a new value.
    case refreshed(duration: Duration)
    /// A refresh has brought a value that was not kept: meanwhile its key was forgotten or dropped, or a call that
    /// began later had brought another.
    case refreshDiscarded(duration: Duration)
    /// A refresh has failed; the old value stays.
    case refreshFailed(duration: Duration, error: any Error)
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
