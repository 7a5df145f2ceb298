public import ResilienceCore

/// What happens in a fallback.
public enum FallbackEventKind: PolicyEventKind {
    /// A step answered a call that had failed with this error, so long after that.
    case served(FallbackServed, after: Duration, error: any Error)
    /// A step that was tried, or was full, did not answer.
    case stepFailed(FallbackStepEnd, duration: Duration)
    /// A step was not tried: it is not for this error, or has no value.
    case stepSkipped(FallbackStepEnd)
    /// No step answered a call, so long after it had failed.
    case exhausted(after: Duration, error: any Error)

    /// A warning when nothing answered; info for an answer and for a step that failed; debug for one that was skipped.
    public var label: (name: String, severity: EventSeverity) {
        switch self {
        case .served: ("fallback.served", .info)
        case .stepFailed: ("fallback.step_failed", .info)
        case .stepSkipped: ("fallback.step_skipped", .debug)
        case .exhausted: ("fallback.exhausted", .warning)
        }
    }

    /// A sentence for logs.
    public func description(of source: String) -> String {
        switch self {
        case .served(let served, let time, let error): "\(served), after \(time.sentenceForm): \(error)"
        case .stepFailed(let end, let time):
            "fallback \"\(source)\": \(end), after \(time.sentenceForm)"
        case .stepSkipped(let end): "fallback \"\(source)\": \(end)"
        case .exhausted(let time, let error):
            "fallback \"\(source)\" is exhausted after \(time.sentenceForm): \(error)"
        }
    }
}

/// Something that happened in a fallback.
public typealias FallbackEvent = SourcedEvent<FallbackEventKind>

extension FallbackEventKind: EventContent {
    package var subject: EventSubject { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .served(let served, let time, let error):
            details.add("step", served.step)
            details.add(seconds: "age", served.age)
            details.add(seconds: "after", time)
            details.add(error)
        case .stepFailed(let end, let time):
            details.add("step", end.step)
            details.add("reason", end.reason.description)
            details.add(seconds: "duration", time)
        case .stepSkipped(let end):
            details.add("step", end.step)
            details.add("reason", end.reason.description)
        case .exhausted(let time, let error):
            details.add(seconds: "after", time)
            details.add(error)
        }
    }
}
