// What HTTP says about failures, repeats and limits, for clients and servers of any library.
