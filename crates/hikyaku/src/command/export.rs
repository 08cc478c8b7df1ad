//! `hikyaku export`.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use app::folder::SigningKey;
use app::{Access, Right};
use runtime::SystemClock;

use crate::arguments::ExportFlags;
use crate::exit::Exit;
use crate::opened;

/// Writes the tenant's books, and says on stderr with which key they are signed.
pub fn run(flags: &ExportFlags) -> anyhow::Result<Exit> {
    let dir = &flags.folder.place.data;
    let rows = opened::executor()?.block_on(async {
        let reading = opened::read(&flags.folder.place).await?;
        let store = &*reading.store;
        let access = Access::admit(store, &flags.folder.tenant, &opened::user(), Right::Read).await?;
        let mut out: Box<dyn Write> = match &flags.out {
            Some(path) => {
                Box::new(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?))
            }
            None => Box::new(BufWriter::new(std::io::stdout().lock())),
        };
        anyhow::Ok(app::export::export(store, &access, dir, &SystemClock, &mut out).await?)
    })?;
    let key = app::error::hex(&SigningKey::read(dir)?.public_key());
    eprintln!("{rows} rows, signed with {key}; `hikyaku verify --key {key} FILE` verifies the copy");
    Ok(Exit::Well)
}
