// A bare libpq receiver of pgoutput, for the latency that is nobody's doing but PostgreSQL's:
// prints the system clock, in microseconds, at which each INSERT arrived. Used by script/bench
// latency.
//
//   bench_receiver CONNECTION SLOT PUBLICATION ROWS FILE
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  PGconn* connection = PQconnectdb((std::string(argv[1]) + " replication=database").c_str());
  const auto die = [&](const char* doing) {
    fmt::print(stderr, "bench_receiver: {}: {}", doing, PQerrorMessage(connection));
    std::exit(1);
  };
  if (PQstatus(connection) != CONNECTION_OK) die("connecting");
  const auto command = fmt::format(
      "START_REPLICATION SLOT \"{}\" LOGICAL 0/0 (proto_version '1', publication_names '\"{}\"')",
      argv[2], argv[3]);
  PGresult* started = PQexec(connection, command.c_str());
  if (PQresultStatus(started) != PGRES_COPY_BOTH) die("starting");
  PQclear(started);
  fmt::print("open\n");
  std::fflush(stdout);
  const auto rows = std::stoull(argv[4]);
  std::vector<long long> arrivals;
  while (arrivals.size() < rows) {
    char* message = nullptr;
    const int size = PQgetCopyData(connection, &message, 0);
    if (size <= 0) die("receiving");
    // 'w', three 64-bit numbers, then the plugin's message.
    constexpr int header = 25;
    if (size > header && message[0] == 'w' && message[header] == 'I') {
      arrivals.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count());
    }
    PQfreemem(message);
  }
  std::ofstream file(argv[5]);
  for (const auto at : arrivals) file << at << '\n';
  PQfinish(connection);
  return 0;
}
