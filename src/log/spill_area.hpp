// Transactions in progress: on disk, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "change/fragment.hpp"
#include "log/storage.hpp"

namespace pulse::log {

// One file a transaction, with its messages in order. Nothing here is durable, nor has to be: a new
// connection starts with clear(), and PostgreSQL sends transactions in progress again from their
// beginning. In memory are one block that is being written or read, and four bytes for each
// rolled-back subtransaction. One owner; not thread-safe.
class spill_area {
 public:
  // Removes the files of an earlier process from the directory.
  static result<std::unique_ptr<spill_area>> open(std::unique_ptr<storage> files);

  // Starts a transaction. Does nothing for an existing one.
  void begin(std::uint32_t xid);
  bool holds(std::uint32_t xid) const { return transactions_.contains(xid); }

  // errc::not_found: begin() was not called. Must not be called while out_of_space().
  result<void> append(const streamed_message& message);
  // Writes gathered messages; call it after a run of messages of one transaction. On a full disk it
  // succeeds and out_of_space() is true: the messages stay, and flush() is to be tried again.
  // errc::io: the area is unusable; clear() may fix it.
  result<void> flush();
  bool out_of_space() const { return out_of_space_; }

  // Readers that are opened from now on skip messages of the subtransaction.
  void abort_part(std::uint32_t xid, std::uint32_t subxid);
  // Unknown ones are ignored: a transaction may abort before PostgreSQL sent any of it.
  result<void> remove(std::uint32_t xid);
  result<void> clear();

  // Reads one transaction's messages in their order. Must not outlive the area; the transaction
  // must stay until it is done.
  class reader {
   public:
    // Returns the next message, or nullptr at the end. Valid until the next call. errc::corrupt:
    // the file has other content than was written.
    result<const streamed_message*> next();

   private:
    friend class spill_area;
    result<bool> have(std::size_t bytes);
    error cut_short() const;

    std::unique_ptr<storage_file> file_;
    std::string name_;
    std::uint64_t offset_ = 0;  // of what is read next
    std::uint64_t size_ = 0;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;  // in buffer_: what has not been handed out
    std::size_t end_ = 0;
    std::vector<std::uint32_t> aborted_;  // sorted
    streamed_message message_;
  };
  result<std::unique_ptr<reader>> read(std::uint32_t xid);

  std::uint64_t stored_bytes() const { return stored_bytes_; }
  std::size_t transactions() const { return transactions_.size(); }

 private:
  struct transaction {
    bool has_file = false;
    std::uint64_t bytes = 0;  // in the file
    std::vector<std::uint32_t> aborted;
  };

  explicit spill_area(std::unique_ptr<storage> files) : files_(std::move(files)) {}

  std::unique_ptr<storage> files_;
  std::unordered_map<std::uint32_t, transaction> transactions_;
  std::uint32_t current_ = 0;  // whose messages are in the buffer and whose file is open
  std::unique_ptr<storage_file> current_file_;
  std::string buffer_;
  std::uint64_t stored_bytes_ = 0;
  bool out_of_space_ = false;
};

}  // namespace pulse::log
