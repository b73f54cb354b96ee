// Commits one row at a time at a fixed rate and notes when each COMMIT returned. Used by
// script/bench latency.
//
//   bench_committer CONNECTION COMMITS COMMITS_PER_SECOND FILE
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) {
    fmt::print(stderr, "bench_committer: {}", PQerrorMessage(connection));
    return 1;
  }
  const auto commits = std::stoull(argv[2]);
  const std::chrono::microseconds interval(1'000'000 / std::stoll(argv[3]));
  std::vector<long long> returned;
  auto next = std::chrono::steady_clock::now();
  for (unsigned long long i = 0; i < commits; ++i) {
    std::this_thread::sleep_until(next);
    next += interval;
    PGresult* done = PQexec(connection, "INSERT INTO bench (body) VALUES (repeat('x', 200))");
    returned.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count());
    if (PQresultStatus(done) != PGRES_COMMAND_OK) {
      fmt::print(stderr, "bench_committer: {}", PQerrorMessage(connection));
      return 1;
    }
    PQclear(done);
  }
  std::ofstream file(argv[4]);
  for (const auto at : returned) file << at << '\n';
  PQfinish(connection);
  return 0;
}
