#if AsyncHTTPClient
    import Foundation

    /// An nginx of this machine, which listens on a socket in a folder of its own, where the file `seven` is.
    struct Nginx {
        /// That of Debian's package, or where `RESILIENCE_NGINX` says.
        static var path: String? {
            let paths = [ProcessInfo.processInfo.environment["RESILIENCE_NGINX"], "/usr/sbin/nginx"]
            return paths.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }

        private let process: Process
        private let folder: URL

        /// What the client calls it by.
        var url: String {
            let socket = folder.appending(path: "socket").path
            return "http+unix://\(socket.replacing("/", with: "%2F"))"
        }

        /// The statuses it has answered, from its own log.
        var statuses: [String] {
            get throws {
                try String(contentsOf: folder.appending(path: "access.log"), encoding: .utf8)
                    .split(separator: "\n").map(String.init)
            }
        }

        /// Asks it to begin again with the same configuration: it closes its idle connections.
        func reload() { kill(process.processIdentifier, SIGHUP) }

        /// Runs it while the body runs.
        ///
        /// - Parameters:
        ///   - http: Further lines of its section `http`.
        ///   - location: The lines of its one location.
        static func with<Result>(
            http: String = "", location: String, _ body: (Nginx) async throws -> Result
        ) async throws -> Result {
            // A socket's path may not be long.
            let folder = URL(filePath: "/tmp").appending(path: "nginx-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let configuration = """
                daemon off;
                pid \(folder.path)/pid;
                worker_processes 1;
                events { worker_connections 64; }
                http {
                    log_format status $status;
                    access_log \(folder.path)/access.log status;
                    client_body_temp_path \(folder.path)/body;
                    proxy_temp_path \(folder.path)/proxy;
                    fastcgi_temp_path \(folder.path)/fastcgi;
                    uwsgi_temp_path \(folder.path)/uwsgi;
                    scgi_temp_path \(folder.path)/scgi;
                    \(http)
                    server {
                        listen unix:\(folder.path)/socket;
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
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            return try await body(Nginx(process: process, folder: folder))
        }
    }
#endif
