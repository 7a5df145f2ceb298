#if AsyncHTTPClient
    import Foundation
    import ResilienceCore

    /// An nginx of this machine, which listens on a port of the loopback interface and answers from a folder of its
    /// own, where the file `seven` is.
    struct Nginx {
        /// That of Debian's package, or where `RESILIENCE_NGINX` says.
        static var path: String? { program("/usr/sbin/nginx", "RESILIENCE_NGINX") }

        /// What makes certificates, for HTTP/2: clients speak it over TLS only.
        static var openssl: String? { program("/usr/bin/openssl", "RESILIENCE_OPENSSL") }

        /// The lines of its own log, once it has ended: one for each request, written after the answer was.
        final class Log: Sendable {
            fileprivate let lines = Lock<[String]>([])

            var requests: [String] { lines.withLock { $0 } }
        }

        let url: String
        let log: Log
        /// The file of its certificate.
        let certificate: String
        private let process: Process

        /// Asks it to begin again with the same configuration: its present worker closes its connections.
        func reload() { kill(process.processIdentifier, SIGHUP) }

        /// Runs it while the body runs.
        ///
        /// - Parameters:
        ///   - http: Further lines of its section `http`.
        ///   - location: The lines of its one location.
        ///   - format: What it writes of a request into its log.
        ///   - isSecure: Whether it speaks TLS, and HTTP/2 with it.
        static func with<Result>(
            http: String = "", location: String, format: String = "$status", isSecure: Bool = false,
            _ body: (Nginx) async throws -> Result
        ) async throws -> Result {
            let folder = URL(filePath: "/tmp").appending(path: "nginx-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let certificate = folder.appending(path: "certificate").path
            if isSecure { try await makeCertificate(certificate, key: "\(folder.path)/key") }
            // It is handed a port that listens already, so that nobody waits until it does.
            let (listener, port) = try listeningSocket()
            let tls = "ssl_certificate \(certificate); ssl_certificate_key \(folder.path)/key;"
            let configuration = """
                daemon off;
                pid \(folder.path)/pid;
                worker_processes 1;
                events { worker_connections 64; }
                http {
                    log_format test '\(format)';
                    access_log \(folder.path)/access.log test;
                    client_body_temp_path \(folder.path)/body;
                    proxy_temp_path \(folder.path)/proxy;
                    fastcgi_temp_path \(folder.path)/fastcgi;
                    uwsgi_temp_path \(folder.path)/uwsgi;
                    scgi_temp_path \(folder.path)/scgi;
                    \(http)
                    server {
                        listen 127.0.0.1:\(port) \(isSecure ? "ssl http2" : "");
                        \(isSecure ? tls : "")
                        root \(folder.path);
                        location / { \(location) }
                    }
                }
                """
            try "7".write(to: folder.appending(path: "seven"), atomically: true, encoding: .utf8)
            let file = folder.appending(path: "nginx.conf")
            try configuration.write(to: file, atomically: true, encoding: .utf8)
            let process = Process()
            process.executableURL = URL(filePath: path ?? "")
            process.arguments = ["-c", file.path, "-e", "\(folder.path)/error.log"]
            process.environment = ["NGINX": "0;"]
            process.standardInput = listener
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            let ended = try start(process)
            let log = Log()
            let nginx = Nginx(
                url: "\(isSecure ? "https" : "http")://127.0.0.1:\(port)", log: log, certificate: certificate,
                process: process)
            do {
                let result = try await body(nginx)
                // Once it has done what is left to do.
                kill(process.processIdentifier, SIGQUIT)
                try await ended.value()
                let text = try String(contentsOf: folder.appending(path: "access.log"), encoding: .utf8)
                log.lines.withLock { $0 = text.split(separator: "\n").map(String.init) }
                return result
            } catch {
                process.terminate()
                try await ended.value()
                throw error
            }
        }

        private static func program(_ usual: String, _ variable: String) -> String? {
            [ProcessInfo.processInfo.environment[variable], usual].compactMap { $0 }
                .first { FileManager.default.isExecutableFile(atPath: $0) }
        }

        /// Starts a process, and returns what ends with it.
        private static func start(_ process: Process) throws -> Waiter<Void> {
            let ended = Waiter<Void>()
            process.terminationHandler = { _ in ended.finish(with: .success(())) }
            try process.run()
            return ended
        }

        private static func makeCertificate(_ certificate: String, key: String) async throws {
            let process = Process()
            process.executableURL = URL(filePath: openssl ?? "")
            process.arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try await start(process).value()
        }

        private static func listeningSocket() throws -> (FileHandle, port: UInt16) {
            #if canImport(Glibc)
                let stream = Int32(SOCK_STREAM.rawValue)
            #else
                let stream = SOCK_STREAM
            #endif
            let listener = socket(AF_INET, stream, 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(listener, pointer, size) == 0 && listen(listener, 64) == 0
                        && getsockname(listener, pointer, &size) == 0
                }
            }
            guard isBound else { throw POSIXError(.EADDRINUSE) }
            return (FileHandle(fileDescriptor: listener, closeOnDealloc: true), UInt16(bigEndian: address.sin_port))
        }
    }
#endif
