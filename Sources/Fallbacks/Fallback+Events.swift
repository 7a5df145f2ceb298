public import ResilienceCore

/// What happens in a fallback.
public enum FallbackEvent: PolicyEvent {
    /// A step answered a call, so long after the call had failed.
    case served(FallbackServed, after: Duration, cause: any Error)
    /// A step that was tried, or was full, did not answer.
    case stepFailed(fallback: String, FallbackStepEnd, after: Duration)
    /// A step was not tried: it is not for this error, or has no value.
    case stepSkipped(fallback: String, FallbackStepEnd)
    /// No step answered a call.
    case exhausted(fallback: String, after: Duration, cause: any Error)

    /// The fallback's name.
    public var source: String {
        switch self {
        case .served(let served, _, _): served.fallback
        case .stepFailed(let fallback, _, _), .stepSkipped(let fallback, _), .exhausted(let fallback, _, _): fallback
        }
    }

    /// `fallback.` and the case.
    public var name: String {
        switch self {
        case .served: "fallback.served"
        case .stepFailed: "fallback.step_failed"
        case .stepSkipped: "fallback.step_skipped"
        case .exhausted: "fallback.exhausted"
        }
    }

    /// A warning when nothing answered; info for an answer and for a step that failed; debug for one that was skipped.
    public var severity: EventSeverity {
        switch self {
        case .served, .stepFailed: .info
        case .stepSkipped: .debug
        case .exhausted: .warning
        }
    }

    /// A sentence for logs.
    public var description: String {
        switch self {
        case .served(let served, let time, let cause): "\(served), after \(time.sentenceForm): \(cause)"
        case .stepFailed(let fallback, let end, let time):
            "fallback \"\(fallback)\": \(end), after \(time.sentenceForm)"
        case .stepSkipped(let fallback, let end): "fallback \"\(fallback)\": \(end)"
        case .exhausted(let fallback, let time, let cause):
            "fallback \"\(fallback)\" is exhausted after \(time.sentenceForm): \(cause)"
        }
    }
}

extension FallbackEvent: DetailedEvent {
    package var eventKind: EventKind { .call }

    package func add(to details: inout EventDetails) {
        switch self {
        case .served(let served, let time, let cause):
            details.add("step", served.step)
            details.add(seconds: "age", served.age)
            details.add(seconds: "elapsed", time)
            details.add(cause)
        case .stepFailed(_, let end, let time):
            details.add("step", end.step)
            details.add("reason", end.reason.description)
            details.add(seconds: "elapsed", time)
        case .stepSkipped(_, let end):
            details.add("step", end.step)
            details.add("reason", end.reason.description)
        case .exhausted(_, let time, let cause):
            details.add(seconds: "elapsed", time)
            details.add(cause)
        }
    }
}
