internal import ResilienceCore

/// What one task waits for and others send: the ends of attempts, and the timer.
///
/// A task group alone can wait for its children only; a timer that is one of them would cost a task for every call.
/// Messages are handed over under the lock, where the thread sanitizer can see it; the continuation only wakes.
final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var receiver: CheckedContinuation<Void, Never>?
    }

    private let state = Lock(State())

    func post(_ message: Message) {
        let receiver = state.withLock { state in
            state.messages.append(message)
            return state.receiver.take()
        }
        receiver?.resume()
    }

    /// The next message, also in a cancelled task: an attempt that was cancelled sends how it ended.
    func next() async -> Message {
        while true {
            if let message = state.withLock({ $0.messages.isEmpty ? nil : $0.messages.removeFirst() }) {
                return message
            }
            await withCheckedContinuation { receiver in
                let isReady = state.withLock { state in
                    guard state.messages.isEmpty else { return true }
                    state.receiver = receiver
                    return false
                }
                if isReady { receiver.resume() }
            }
        }
    }
}
