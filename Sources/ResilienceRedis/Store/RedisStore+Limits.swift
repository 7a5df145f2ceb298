#if Redis
    public import RateLimiters
    public import ResilienceCore

    extension RedisStore: RateStore {
        /// Takes permits, as many as there are and as were asked for; one script.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func take(_ request: PermitRequest) async throws -> PermitGrant {
            let most: Int64 = 1 << 53
            func number(_ value: Int64) -> String { "\(min(max(-most, value), most))" }
            let (interval, burst) = (request.rule.interval, request.rule.checkedBurst)
            let numbers = [
                number(Int64(request.wanted)), number(Int64(request.minimum)),
                number(request.receipt == nil ? 0 : Int64(request.returned)),
                request.receipt.map { number($0.since) } ?? "", number(request.receipt?.position ?? 0),
                "\(interval.microseconds)", "\(interval.picoseconds)", "\(burst)",
            ]
            var reader = ReplyReader(try await run(.quota, keys.quota(request.quota, key: request.key), numbers))
            let (granted, remaining, retry) = (try reader.number(), try reader.number(), try reader.integer())
            return PermitGrant(
                granted: granted, remaining: remaining, retryAfter: retry < 0 ? nil : .microseconds(retry),
                resetAfter: try reader.duration(),
                receipt: PermitReceipt(since: try reader.integer(), position: try reader.integer()))
        }
    }

    extension RedisStore: BudgetStore {
        /// Adds what a node has earned and spent, and tells how many tokens there are then; one script.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func exchange(_ report: BudgetReport) async throws -> Int64 {
            let most: Int64 = 1_000_000_000_000
            let numbers = [
                min(max(-most, report.change), most), min(max(1, report.capacity), most),
                min(max(0, report.known), most),
            ]
            var reader = ReplyReader(
                try await run(.budget, keys.budget(report.budget), numbers.map { "\($0)" }))
            return try reader.integer()
        }
    }

    extension RedisStore: PauseStore {
        /// Announces a pause, and tells how long the service is paused; one script.
        ///
        /// - Throws: `SharedStateError`; `CancellationError` if the task is cancelled.
        public func pause(_ service: String, for delay: Duration) async throws -> Duration {
            let length = min(max(0, delay.saturatedNanoseconds / 1_000), 86_400_000_000)
            var reader = ReplyReader(
                try await run(.pause, keys.pause(service), ["\(length)", service, keys.pauses]))
            return try reader.duration()
        }

        /// Tells each pause that is announced and is longer than those before, until the task is cancelled.
        ///
        /// - Throws: `SharedStateError` when it cannot listen any longer; `CancellationError` once cancelled.
        public func pauses(
            onPause: @escaping @Sendable (_ service: String, _ remaining: Duration) -> Void
        ) async throws {
            try await listen(to: [keys.pauses]) { _, message in
                let words = message.split(separator: " ", omittingEmptySubsequences: false)
                guard words.count >= 3, words[0] == "\(Self.version)", let rest = Int64(words[1]) else { return }
                onPause(RedisKeys.unescaped(words[2]), .microseconds(max(0, rest)))
            }
        }
    }
#endif
