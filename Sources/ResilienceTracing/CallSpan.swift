#if Tracing
    internal import Resilience
    internal import ResilienceCore
    internal import Tracing

    /// The span of one call, and what is written into it.
    struct CallSpan: Sendable {
        private let span: any Span
        /// Asked once: whether a span is recorded is decided when it starts.
        let isRecording: Bool

        init(_ span: any Span, _ attributes: SpanAttributes, _ context: Context) {
            self.span = span
            isRecording = span.isRecording
            guard isRecording else { return }
            span.updateAttributes { all in
                all.merge(attributes)
                all["resilience.policy"] = context.policyName
                all["resilience.attempt"] = context.attempt
                if context.hedge > 0 { all["resilience.hedge"] = context.hedge }
            }
        }

        /// What the span is to those inside it.
        var context: InstrumentationContext { span.context }

        // MARK: While the call runs

        /// Makes an event of what a layer reports.
        @Sendable
        func record(_ key: any ContextKey.Type, _ value: any Sendable) {
            if let key = key as? any TracedReport.Type { add(reported: value, key) }
        }

        private func add<Key: TracedReport>(reported value: any Sendable, _ key: Key.Type) {
            if let event = (value as? Key.Value).flatMap(key.callEvent) { add(event) }
        }

        private func add(_ event: CallEvent) {
            var attributes: SpanAttributes = [:]
            if let source = event.source { attributes["resilience.source"] = source }
            if let error = event.details.error { attributes["error.type"] = errorLabel(error) }
            for (key, value) in event.details.values { attributes["resilience.\(key)"] = value.attribute }
            span.addEvent(SpanEvent(name: event.name, attributes: attributes))
        }

        // MARK: When it has ended

        /// Ends the span of a call that succeeded.
        func end() {
            if isRecording { span.attributes["resilience.outcome"] = "succeeded" }
            span.end()
        }

        /// Ends the span of a call that did not.
        func end(_ error: any Error, _ context: Context) {
            if isRecording { write(error, context) }
            span.end()
        }

        private func write(_ error: any Error, _ context: Context) {
            switch CallEnd(error, in: context) {
            case .rejected: writeRejection(unwrapped(error))
            case .cancelled: span.attributes["resilience.outcome"] = "cancelled"
            case .failed, .expired: writeFailure(error)
            }
        }

        private func writeRejection(_ error: any Error) {
            span.attributes["resilience.outcome"] = "rejected"
            guard let rejection = error as? any PolicyRejection else { return }
            add(
                CallEvent("policy.rejected", source: rejection.policyName) { details in
                    details.add("reason", rejection.reason)
                    details.add(seconds: "retry_after", rejection.retryAfter)
                })
            span.setStatus(SpanStatus(code: .error, message: rejection.reason))
        }

        private func writeFailure(_ error: any Error) {
            span.attributes["resilience.outcome"] = "failed"
            let cause = unwrapped(error)
            if cause is UnacceptedResultError {
                span.setStatus(SpanStatus(code: .error, message: "the result was not accepted"))
                return
            }
            if let cause = cause as? any TracedError { add(cause.callEvent) }
            if cause is any LabeledError { span.attributes["error.type"] = errorLabel(cause) }
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
        }
    }

    extension EventDetails.Value {
        fileprivate var attribute: SpanAttribute {
            switch self {
            case .text(let text): text.toSpanAttribute()
            case .integer(let number): number.toSpanAttribute()
            case .number(let number): number.toSpanAttribute()
            case .flag(let flag): flag.toSpanAttribute()
            }
        }
    }
#endif
