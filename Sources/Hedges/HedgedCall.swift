internal import ResilienceCore

/// One call of a hedge: runs the attempts in child tasks.
///
/// Knows nothing of values, as the layers of a policy do not, so that it need not be generic: unspecialised, a call
/// would take half as long again.
struct HedgedCall: Sendable {
    /// What the call waits for.
    enum Message: Sendable {
        case ended(AttemptEnd)
        /// The timer of this number has fired.
        case due(Int)
        /// The caller gave up while nothing ran that would tell of it.
        case cancelled
    }

    let hedge: Hedge
    /// That of the primary.
    let context: Context
    /// Runs one attempt.
    let attempt: @Sendable (Context) async -> AttemptOutcome

    /// Runs the call to its end: all attempts have ended when this returns.
    ///
    /// Off the caller's actor: were it a busy one, such as the main actor, hedges would start late and every step cost
    /// a hop. Returns errors instead of throwing them: an error thrown across the hop back may leave the actor.
    @concurrent
    func run() async -> Verdict {
        let mailbox = Mailbox<Message>()
        var plan = HedgePlan(hedge, context) { mailbox.post(.due($0)) }
        let inside = plan.contextInside
        if Task.isCancelled { return plan.refuse() }
        await withDiscardingTaskGroup { group in
            var next = plan.begin()
            while true {
                for number in next.starts {
                    group.addTask(name: hedge.taskName(number)) {
                        let outcome = await attempt(contextOfAttempt(number, inside))
                        mailbox.post(
                            .ended(AttemptEnd(attempt: number, outcome: outcome, instant: hedge.time.now)))
                    }
                }
                if next.cancelsOthers { group.cancelAll() }
                guard plan.isWaiting else { break }
                next =
                    switch await message(mailbox, plan.isIdle) {
                    case .ended(let end): plan.handle(end)
                    case .due(let timer): plan.handleTimer(timer)
                    case .cancelled: plan.handleCancellation()
                    }
            }
        }
        return plan.verdict()
    }

    /// The next message; between two attempts also that of the caller's cancellation.
    private func message(_ mailbox: Mailbox<Message>, _ isIdle: Bool) async -> Message {
        guard isIdle else { return await mailbox.next() }
        return await withTaskCancellationHandler {
            await mailbox.next()
        } onCancel: {
            mailbox.post(.cancelled)
        }
    }

    private func contextOfAttempt(_ number: Int, _ context: Context) -> Context {
        var context = context
        context.attempt = number
        // A value in a context costs an allocation, which the primary need not pay.
        if number > 1 || context.hedge > 0 { context[HedgeNumber.self] = number - 1 }
        return context
    }
}
