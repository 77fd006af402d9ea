// The desk's page: what is written here runs on no other server's word, and asks no other server for anything.

import "./writes.js";
import "./edits.js";
import "./shape.js";
import "./mail.js";
import "./live.js";
