// Commits numbered transactions with the pure Go translation of SQLite and, as Station does, no busy timeout.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite"
)

type options struct {
	ID           string `json:"id"`
	Milliseconds int    `json:"milliseconds"`
	Burst        int    `json:"burst"`
	Pause        int    `json:"pause"`
}

func main() {
	var o options
	must(json.Unmarshal([]byte(os.Args[2]), &o))
	db, err := sql.Open("sqlite", os.Args[1])
	must(err)
	db.SetMaxOpenConns(1)
	n, busy := 0, 0
	end := time.Now().Add(time.Duration(o.Milliseconds) * time.Millisecond)
	for time.Now().Before(end) {
		for i := 0; i < o.Burst; i++ {
			err := commit(db, o.ID, n+1)
			if err == nil {
				n++
			} else if strings.Contains(err.Error(), "SQLITE_BUSY") || strings.Contains(err.Error(), "locked") {
				busy++
				fmt.Fprintln(os.Stderr, err)
			} else {
				must(err)
			}
		}
		time.Sleep(time.Duration(o.Pause) * time.Millisecond)
	}
	must(db.Close())
	must(json.NewEncoder(os.Stdout).Encode(map[string]int{"n": n, "busy": busy}))
}

func commit(db *sql.DB, id string, n int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	mark := fmt.Sprintf("@@%s:%09d@@", id, n)
	if _, err = tx.Exec("INSERT OR REPLACE INTO counter VALUES (?, ?)", id, mark); err == nil {
		_, err = tx.Exec("INSERT INTO history VALUES (?, ?, zeroblob(200))", id, n)
	}
	if err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
