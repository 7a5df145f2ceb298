import Resilience

/// Messages to the server's thread, which sleeps in `poll` and is woken through a pipe.
final class Mailbox<Message: MailboxMessage>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    let reader: Int32
    private let writer: Int32
    private let state = Lock(State())

    init() throws {
        (reader, writer) = try Socket.wakePipe()
    }

    func post(_ message: Message) {
        let isRefused = state.withLock { state in
            guard !state.isClosed else { return true }
            state.messages.append(message)
            // Under the lock, so that the pipe is not closed meanwhile.
            Socket.wake(writer)
            return false
        }
        if isRefused { message.refuse() }
    }

    /// The messages since the last time.
    func takeAll() -> [Message] {
        Socket.drain(reader)
        return state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    /// Refuses what comes from now on, and what is left.
    func close() {
        let left = state.withLock { state in
            defer { state = State(messages: [], isClosed: true) }
            if !state.isClosed {
                closeDescriptor(reader)
                closeDescriptor(writer)
            }
            return state.messages
        }
        for message in left { message.refuse() }
    }
}

/// What is posted to a server's thread.
protocol MailboxMessage: Sendable {
    /// The answer of a server that has stopped.
    func refuse()
}
