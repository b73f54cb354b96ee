// What is done with a log's files before the log is used again.
#pragma once

#include "base/error.hpp"
#include "log/segment_log.hpp"
#include "log/segment_store.hpp"
#include "log/segment_writer.hpp"

namespace pulse::log {

// Fills the store from the files and says where writing goes on. Cuts a torn tail off the newest
// segment, removes a segment that was never put in place, writes the last write of the process
// before anew, then syncs file and directory: what is found in the page cache a power cut could
// still take away, and after a sync that failed it would, whatever is synced later. errc::corrupt:
// history is damaged or a segment is missing.
result<segment_writer::position_in_file> recover(storage& files, segment_store& store,
                                                 const segment_log_options& options);

}  // namespace pulse::log
