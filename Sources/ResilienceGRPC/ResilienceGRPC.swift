// Clients and servers of grpc-swift-2.
