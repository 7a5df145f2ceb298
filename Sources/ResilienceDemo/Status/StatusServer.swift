import Foundation
import Resilience

/// Serves the status page, its data, the metrics and the health, on a port of its own.
///
/// One thread serves all connections. It answers at once when this has been made.
final class StatusServer: Sendable {
    /// Where it answers.
    struct Address: Sendable, Equatable, CustomStringConvertible {
        let host: String
        let port: UInt16

        /// `http://127.0.0.1:8080/`
        var description: String { "http://\(host):\(port)/" }
    }

    /// What a client may take of the server.
    struct Limits: Sendable, Equatable {
        /// Connections at once. A further one takes the place of the one that has been silent for longest.
        var connections = 64
        /// From the connection, or the last answer, to the end of the next request's head.
        var requestTime = Duration.seconds(10)
        /// For taking an answer.
        var answerTime = Duration.seconds(10)
        /// For closing a connection after the last answer.
        var closingTime = Duration.seconds(1)
    }

    enum Message: MailboxMessage {
        case stop(CheckedContinuation<Void, Never>)

        func refuse() {
            switch self {
            case .stop(let continuation): continuation.resume()
            }
        }
    }

    let address: Address
    private let mailbox: Mailbox<Message>

    /// - Parameters:
    ///   - host: An IPv4 address of this machine.
    ///   - port: 0 lets the system choose.
    /// - Throws: A ``SocketError``, for example because the port is taken.
    init(host: String, port: UInt16, routes: any Routes, limits: Limits = Limits()) throws {
        guard let number = Socket.address(host) else { throw SocketError("address \(host)", code: EINVAL) }
        let socket = try Socket.bound(to: port, of: number)
        do {
            try Socket.startListening(socket)
            address = Address(host: host, port: try Socket.port(of: socket))
            mailbox = try Mailbox()
        } catch {
            closeDescriptor(socket)
            throw error
        }
        let thread = Thread { [mailbox] in
            var loop = StatusLoop(socket: socket, mailbox: mailbox, routes: routes, limits: limits)
            loop.run()
        }
        thread.name = "status"
        thread.start()
    }

    /// Closes everything. Stopping again does nothing.
    func stop() async {
        await withCheckedContinuation { mailbox.post(.stop($0)) }
    }
}
