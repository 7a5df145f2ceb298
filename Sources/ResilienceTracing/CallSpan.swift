#if Tracing
    internal import Bulkheads
    internal import CircuitBreakers
    internal import Fallbacks
    internal import Hedges
    internal import Resilience
    internal import ResilienceCore
    internal import Retries
    internal import Timeouts
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
        func hear(_ key: any ContextKey.Type, _ value: any Sendable) {
            switch value {
            case let failed as Retry.FailedAttempt: add(failed)
            case let served as FallbackServed:
                add("fallback.served", served.fallback) { attributes in
                    attributes["resilience.step"] = served.step
                    attributes.set(seconds: "age", served.age)
                }
            case let (breaker, state) as CircuitBreaker.StateAtAdmission.Value where state != .closed:
                add("circuit_breaker.met", breaker) { $0["resilience.state"] = state.rawValue }
            case let (bulkhead, waited) as Bulkhead.Wait.Value where waited > .zero:
                add("bulkhead.waited", bulkhead) { $0.set(seconds: "waited", waited) }
            case let attempt as Int where key == WinningAttempt.self:
                add("hedge.won") { $0["resilience.attempt"] = attempt }
            default: break
            }
        }

        private func add(_ failed: Retry.FailedAttempt) {
            add(failed.delay == nil ? "retry.gave_up" : "retry.attempt_failed") { attributes in
                attributes["resilience.attempt"] = failed.attempt
                attributes["error.type"] = "\(type(of: failed.error))"
                attributes.set(seconds: "delay", failed.delay)
            }
        }

        private func add(
            _ name: String, _ source: String? = nil, _ fill: (inout SpanAttributes) -> Void
        ) {
            var attributes: SpanAttributes = [:]
            if let source { attributes["resilience.source"] = source }
            fill(&attributes)
            span.addEvent(SpanEvent(name: name, attributes: attributes))
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
            add("policy.rejected", rejection.policyName) { attributes in
                attributes["resilience.reason"] = rejection.reason
                attributes.set(seconds: "retry_after", rejection.retryAfter)
            }
            span.setStatus(SpanStatus(code: .error, message: rejection.reason))
        }

        private func writeFailure(_ error: any Error) {
            span.attributes["resilience.outcome"] = "failed"
            let cause = unwrapped(error)
            if cause is UnacceptedResult {
                span.setStatus(SpanStatus(code: .error, message: "the result was not accepted"))
                return
            }
            if let exceeded = cause as? Timeout.ExceededError {
                add("timeout.exceeded", exceeded.policyName) { $0.set(seconds: "limit", exceeded.limit) }
            }
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
        }
    }

    extension SpanAttributes {
        /// Sets a duration, in seconds; nothing if there is none.
        fileprivate mutating func set(seconds key: String, _ duration: Duration?) {
            if let duration { self["resilience.\(key)_seconds"] = duration.inSeconds }
        }
    }
#endif
