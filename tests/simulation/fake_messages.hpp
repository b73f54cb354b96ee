// The bytes of the output plugin's messages, as a server would send them (manual, section 55.9).
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/fake_database.hpp"

namespace pulse::simulation {

std::string begin_message(const fake_transaction& transaction);
std::string commit_message(const fake_transaction& transaction);

// `subxid`: inside a block of a streamed transaction; else 0.
std::string relation_message(std::uint32_t table, std::uint32_t subxid);
std::string row_message(const fake_row& row, std::uint32_t subxid);

std::string stream_start_message(std::uint32_t xid, bool first);
std::string stream_commit_message(std::uint32_t xid, const fake_transaction& transaction);
std::string stream_abort_message(std::uint32_t xid, std::uint32_t subxid);

}  // namespace pulse::simulation
